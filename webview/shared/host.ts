import {
  INPUT_EVENT,
  isToPanel,
  type ErrorMessage,
  type EventName,
  type PanelContract,
  type ParamsOf,
  type ProgressOf,
  type RequestName,
  type ResultOf,
  type ToHost,
} from '../../core/protocol/rpc';
import { useLanguageOfPage } from './language';

interface VsCodeApi {
  postMessage(message: ToHost): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** An error that the host answered with, in the words of a `UserError`. */
export class HostError extends Error {
  override readonly name = 'HostError';
  readonly code: string;
  readonly hint: string;

  constructor({ code, message, hint }: ErrorMessage) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

export interface RequestOptions<Progress> {
  /** Aborting tells the host to stop; the promise rejects with a `HostError` `request.aborted`. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: Progress) => void;
}

/** The panel's end of the channel to the extension host. */
export interface Host<C extends PanelContract> {
  request<N extends RequestName<C>>(
    name: N,
    params: ParamsOf<C, N>,
    options?: RequestOptions<ProgressOf<C, N>>,
  ): Promise<ResultOf<C, N>>;
  /** @returns a function that ends the subscription */
  on<N extends EventName<C>>(name: N, listener: (data: C['events'][N]) => void): () => void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
  progress(value: unknown): void;
}

// Here, because every panel opens the channel before it shows anything.
useLanguageOfPage();

const vscode = acquireVsCodeApi();

// What the panel shows (which runs, which checkpoints) is kept with what the person chose: VS Code gives both back to the
// host after a reload, and nothing else is left of the panel then.
const { input } = document.body.dataset;
if (input !== undefined) saveState({ input: JSON.parse(input) as unknown });

/** Opens the channel; a panel does so once. */
export function connectHost<C extends PanelContract>(): Host<C> {
  const waiting = new Map<number, Waiting>();
  const listeners = new Map<string, Set<(data: never) => void>>();
  let nextId = 1;

  addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (!isToPanel(data)) return;
    if (data.kind === 'event') {
      if (data.name === INPUT_EVENT) saveState({ input: data.data });
      for (const listener of listeners.get(data.name) ?? []) listener(data.data as never);
      return;
    }
    const request = waiting.get(data.id);
    if (data.kind === 'progress') {
      request?.progress(data.progress);
      return;
    }
    waiting.delete(data.id);
    if (data.kind === 'reply') request?.resolve(data.result);
    else request?.reject(new HostError(data.error));
  });

  return {
    request(name, params, { signal, onProgress } = {}) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        waiting.set(id, {
          resolve: resolve,
          reject,
          progress: onProgress ?? (() => undefined),
        });
        vscode.postMessage({ kind: 'request', id, name, params });
        // The host answers an aborted request with an error, as any other: no second way to end it.
        const abort = () => {
          if (waiting.has(id)) vscode.postMessage({ kind: 'abort', id });
        };
        if (signal?.aborted) abort();
        else signal?.addEventListener('abort', abort, { once: true });
      });
    },
    on(name, listener) {
      const of = listeners.get(name) ?? new Set();
      listeners.set(name, of.add(listener));
      return () => of.delete(listener);
    },
  };
}

/**
 * What a person chose in the panel (tabs, axes, filters; never what came from the host): kept by VS Code over reloads.
 * @returns the kept state where it has the shape of `initial`'s keys, completed by it
 */
export function loadState<State extends object>(initial: State): State {
  const kept = vscode.getState();
  return typeof kept === 'object' && kept !== null ? { ...initial, ...kept } : initial;
}

/** Keeps what a person chose, beside what the host put there to restore the panel by. */
export function saveState(state: object): void {
  const kept = vscode.getState();
  vscode.setState(typeof kept === 'object' && kept !== null ? { ...kept, ...state } : state);
}
