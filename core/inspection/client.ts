import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import type { ImportanceInspections } from '../protocol/importance';
import type {
  CheckpointDiff,
  CheckpointOverview,
  KeptShares,
  Spectrum,
  TensorStatistics,
  TensorWindow,
  ValueGrid,
} from '../protocol/inspection';
import {
  isToPanel,
  type ErrorMessage,
  type ParamsOf,
  type RequestName,
  type ResultOf,
  type ToHost,
} from '../protocol/rpc';
import type { CheckpointStatistics, StatisticsProgress } from '../protocol/checkpoint-statistics';
import type { InspectionContract } from './inspections';
import type { ProgressOptions } from '../checkpoint/read-ahead';

/** The requests that the process answers. */
export type InspectorContract = {
  readonly requests: InspectionContract['requests'] & ImportanceInspections['requests'];
  readonly events: Record<string, never>;
};

export interface InspectorOptions {
  /** Where results are cached between processes; nowhere by default. */
  readonly cacheDir?: string;
  /** The Node.js executable to use; by default that of this process. */
  readonly nodePath?: string;
  /** What its environment has besides that of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The process exits after this long without a request, milliseconds. */
  readonly idleMs?: number;
  /**
   * If an aborted request has not stopped by then, the process is killed and the other requests are sent again; milliseconds.
   */
  readonly abortGraceMs?: number;
}

interface AskOptions<Progress> {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

interface Pending {
  readonly name: string;
  readonly params: unknown;
  /** Gets the progress type that the contract gives for the request. */
  readonly onProgress: ((progress: never) => void) | undefined;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

const IDLE_MS = 30_000;
const ABORT_GRACE_MS = 5_000;

/** Characters kept from the end of the process's error output. */
const MAX_LAST_WORDS = 2_000;

/**
 * Inspects checkpoints, and the samples of runs, in a separate process, which starts with the first request and exits when
 * idle. An aborted request ends at once with the signal's reason. A `UserError` thrown in the process arrives as one.
 *
 * A process and not a thread: the linear algebra is native code, which crashes everything around it if its thread is
 * terminated in the middle of a product; and running out of memory only affects that process.
 */
export class Inspector {
  #child: ChildProcess | undefined;
  readonly #pending = new Map<number, Pending>();
  /** Aborted requests that the process is still working on. */
  readonly #stopping = new Map<number, NodeJS.Timeout>();
  #idle: NodeJS.Timeout | undefined;
  #nextId = 1;
  #disposed = false;

  readonly #script: string;
  readonly #options: InspectorOptions;

  /** @param script the path of the bundled `inspector.js` */
  constructor(script: string, options: InspectorOptions = {}) {
    this.#script = script;
    this.#options = options;
  }

  overview(path: string, options?: ProgressOptions): Promise<CheckpointOverview> {
    return this.#ask('overview', { path }, options);
  }

  statistics(path: string, tensor: string, options?: ProgressOptions): Promise<TensorStatistics> {
    return this.#ask('statistics', { path, tensor }, options);
  }

  /** @param onlyKept whether to return only what is cached, without computing anything */
  checkpointStatistics(
    path: string,
    onlyKept: boolean,
    options?: AskOptions<StatisticsProgress>,
  ): Promise<CheckpointStatistics> {
    return this.#ask('checkpointStatistics', { path, onlyKept }, options);
  }

  /** @param name a tensor, or the path of a factored layer */
  spectrum(path: string, name: string, options?: ProgressOptions): Promise<Spectrum> {
    return this.#ask('spectrum', { path, name }, options);
  }

  keptShares(path: string, options?: ProgressOptions): Promise<KeptShares> {
    return this.#ask('keptShares', { path }, options);
  }

  values(path: string, tensor: string, window: TensorWindow, options?: ProgressOptions): Promise<ValueGrid> {
    return this.#ask('values', { path, tensor, window }, options);
  }

  diff(a: string, b: string, options?: ProgressOptions): Promise<CheckpointDiff> {
    return this.#ask('diff', { a, b }, options);
  }

  /** Any request about the samples of a run. */
  importance<N extends RequestName<ImportanceInspections>>(
    name: N,
    params: ParamsOf<InspectorContract, N>,
    options?: AskOptions<never>,
  ): Promise<ResultOf<InspectorContract, N>> {
    return this.#ask(name, params, options);
  }

  /** Ends the process; running requests are rejected with `inspector.closed`. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#rejectAll(closed());
    await this.#end();
  }

  #ask<N extends RequestName<InspectorContract>>(
    name: N,
    params: ParamsOf<InspectorContract, N>,
    { signal, onProgress }: AskOptions<never> = {},
  ): Promise<ResultOf<InspectorContract, N>> {
    return new Promise((resolve, reject) => {
      if (this.#disposed) throw closed();
      signal?.throwIfAborted();
      const id = this.#nextId++;
      const onAbort = () => {
        this.#abort(id, signal?.reason);
      };
      const settle = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort);
      this.#pending.set(id, {
        name,
        params,
        onProgress,
        resolve: (result) => {
          settle();
          resolve(result as ResultOf<InspectorContract, N>);
        },
        reject: (error) => {
          settle();
          // A signal's reason can be anything; it is passed on unchanged.
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
          reject(error);
        },
      });
      this.#send(id, name, params);
    });
  }

  #send(id: number, name: string, params: unknown): void {
    clearTimeout(this.#idle);
    this.#child ??= this.#start();
    holdProcess(this.#child, true);
    post(this.#child, { kind: 'request', id, name, params });
  }

  #start(): ChildProcess {
    const { cacheDir, nodePath = process.execPath, env } = this.#options;
    const child = fork(this.#script, cacheDir === undefined ? [] : [cacheDir], {
      execPath: nodePath,
      // Flags of this process, such as its debugger port, must not be inherited.
      execArgv: [],
      env: { ...process.env, ...env, ELECTRON_RUN_AS_NODE: '1' },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let lastWords = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-MAX_LAST_WORDS);
    });
    child.on('message', (message) => {
      if (this.#child === child) this.#receive(message);
    });
    child.on('error', (error) => {
      if (this.#child === child) this.#lose(died(error.message));
    });
    child.on('exit', (code, signal) => {
      if (this.#child === child) this.#lose(died(lastWords.trim() || (signal ?? l10n.t`exit code ${code ?? 0}`)));
    });
    return child;
  }

  #receive(message: unknown): void {
    if (!isToPanel(message) || message.kind === 'event') return;
    const { id } = message;
    const request = this.#pending.get(id);
    if (message.kind === 'progress') {
      request?.onProgress?.(message.progress as never);
      return;
    }
    clearTimeout(this.#stopping.get(id));
    this.#stopping.delete(id);
    this.#pending.delete(id);
    if (message.kind === 'reply') request?.resolve(message.result);
    else request?.reject(toError(message.error));
    this.#rest();
  }

  #abort(id: number, reason: unknown): void {
    const request = this.#pending.get(id);
    if (request === undefined) return;
    this.#pending.delete(id);
    if (this.#child) post(this.#child, { kind: 'abort', id });
    const restart = () => void this.#restart();
    this.#stopping.set(id, setTimeout(restart, this.#options.abortGraceMs ?? ABORT_GRACE_MS).unref());
    request.reject(reason);
  }

  /** Kills a process that is stuck in an aborted request, and sends the other requests again. */
  async #restart(): Promise<void> {
    await this.#end();
    if (this.#child !== undefined) return;
    for (const [id, { name, params }] of this.#pending) this.#send(id, name, params);
  }

  /** The process has exited by itself. */
  #lose(error: unknown): void {
    this.#child = undefined;
    this.#clearStopping();
    this.#rejectAll(error);
  }

  #rest(): void {
    if (this.#pending.size > 0 || this.#stopping.size > 0) return;
    // An idle child must not keep this process alive.
    if (this.#child) holdProcess(this.#child, false);
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#end(), this.#options.idleMs ?? IDLE_MS).unref();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    this.#clearStopping();
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    // It has nothing worth saving, and a process inside native code reacts to nothing else.
    child.ref();
    if (child.kill('SIGKILL')) await once(child, 'exit');
  }

  #clearStopping(): void {
    for (const timer of this.#stopping.values()) clearTimeout(timer);
    this.#stopping.clear();
  }

  #rejectAll(error: unknown): void {
    const requests = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of requests) request.reject(error);
  }
}

const closed = () => new UserError('inspector.closed', l10n.t('The reader of checkpoints was closed.'));

const died = (why: string) =>
  new UserError(
    'inspector.died',
    l10n.t`The process that reads checkpoints ended unexpectedly: ${why}.`,
    l10n.t('Try again; if memory is short, close other programs or look at a smaller tensor.'),
  );

/** If a message does not arrive, the process is gone, which its exit event reports. */
function post(child: ChildProcess, message: ToHost): void {
  child.send(message, () => undefined);
}

/** Whether this process should stay alive as long as the child does. */
function holdProcess(child: ChildProcess, hold: boolean): void {
  for (const handle of [child, child.channel, child.stderr as Socket | null]) {
    if (hold) handle?.ref();
    else handle?.unref();
  }
}

function toError({ code, message, hint }: ErrorMessage): Error {
  if (code !== 'internal') return new UserError(code, message, hint);
  const error = new Error(message);
  // The stack from the other process shows where it failed; that of this function does not.
  error.stack = hint;
  return error;
}
