import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import type { ImportanceInspections } from '../protocol/importance';
import type {
  CheckpointDiff,
  CheckpointOverview,
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

/** What the process can be asked. */
export type InspectorContract = {
  readonly requests: InspectionContract['requests'] & ImportanceInspections['requests'];
  readonly events: Record<string, never>;
};

export interface InspectorOptions {
  /** Where results are kept between processes; nowhere without it. */
  readonly cacheDir?: string;
  /** The Node to run it with; that of this process without it. */
  readonly nodePath?: string;
  /** What its environment has besides that of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The process ends after this long without a request, milliseconds. */
  readonly idleMs?: number;
  /** A process that has not stopped an aborted request by then is ended, and the others are asked again. */
  readonly abortGraceMs?: number;
}

interface AskOptions<Progress> {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

interface Pending {
  readonly name: string;
  readonly params: unknown;
  /** Told what the contract says of the request. */
  readonly onProgress: ((progress: never) => void) | undefined;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

const IDLE_MS = 30_000;
const ABORT_GRACE_MS = 5_000;

/** What a process that died may still have said. */
const MAX_LAST_WORDS = 2_000;

/**
 * Looks at checkpoints, and at the samples of runs, in a process of its own, which starts with the first request and ends when it has nothing to do.
 * An aborted request ends at once with the signal's reason. What the process throws as a `UserError` arrives as one.
 *
 * A process and not a thread: the linear algebra is native code, which takes everything around it down when its thread is
 * ended in the middle of a product; and memory that runs out is that of the process alone.
 */
export class Inspector {
  private child: ChildProcess | undefined;
  private readonly pending = new Map<number, Pending>();
  /** Aborted requests that the process has not let go of yet. */
  private readonly stopping = new Map<number, NodeJS.Timeout>();
  private idle: NodeJS.Timeout | undefined;
  private nextId = 1;
  private disposed = false;

  /** @param script the path of the bundled `inspector.js` */
  constructor(
    private readonly script: string,
    private readonly options: InspectorOptions = {},
  ) {}

  overview(path: string, options?: ProgressOptions): Promise<CheckpointOverview> {
    return this.ask('overview', { path }, options);
  }

  statistics(path: string, tensor: string, options?: ProgressOptions): Promise<TensorStatistics> {
    return this.ask('statistics', { path, tensor }, options);
  }

  /** @param onlyKept whether to return what an earlier run over the tensors left, and compute nothing */
  checkpointStatistics(
    path: string,
    onlyKept: boolean,
    options?: AskOptions<StatisticsProgress>,
  ): Promise<CheckpointStatistics> {
    return this.ask('checkpointStatistics', { path, onlyKept }, options);
  }

  /** @param name a tensor, or the path of a factored layer */
  spectrum(path: string, name: string, options?: ProgressOptions): Promise<Spectrum> {
    return this.ask('spectrum', { path, name }, options);
  }

  values(path: string, tensor: string, window: TensorWindow, options?: ProgressOptions): Promise<ValueGrid> {
    return this.ask('values', { path, tensor, window }, options);
  }

  diff(a: string, b: string, options?: ProgressOptions): Promise<CheckpointDiff> {
    return this.ask('diff', { a, b }, options);
  }

  /** Anything about the samples of a run. */
  importance<N extends RequestName<ImportanceInspections>>(
    name: N,
    params: ParamsOf<InspectorContract, N>,
    options?: AskOptions<never>,
  ): Promise<ResultOf<InspectorContract, N>> {
    return this.ask(name, params, options);
  }

  /** Ends the process; requests that run are rejected with `inspector.closed`. */
  async dispose(): Promise<void> {
    this.disposed = true;
    this.rejectAll(closed());
    await this.end();
  }

  private ask<N extends RequestName<InspectorContract>>(
    name: N,
    params: ParamsOf<InspectorContract, N>,
    { signal, onProgress }: AskOptions<never> = {},
  ): Promise<ResultOf<InspectorContract, N>> {
    return new Promise((resolve, reject) => {
      if (this.disposed) throw closed();
      signal?.throwIfAborted();
      const id = this.nextId++;
      const onAbort = () => {
        this.abort(id, signal?.reason);
      };
      const settle = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort);
      this.pending.set(id, {
        name,
        params,
        onProgress,
        resolve: (result) => {
          settle();
          resolve(result as ResultOf<InspectorContract, N>);
        },
        reject: (error) => {
          settle();
          // The reason of a signal is whatever its owner says; it is passed on as it is.
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
          reject(error);
        },
      });
      this.send(id, name, params);
    });
  }

  private send(id: number, name: string, params: unknown): void {
    clearTimeout(this.idle);
    this.child ??= this.start();
    holdProcess(this.child, true);
    post(this.child, { kind: 'request', id, name, params });
  }

  private start(): ChildProcess {
    const { cacheDir, nodePath = process.execPath, env } = this.options;
    const child = fork(this.script, cacheDir === undefined ? [] : [cacheDir], {
      execPath: nodePath,
      // Flags of this process, such as the port of its debugger, are not for that one.
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
      if (this.child === child) this.receive(message);
    });
    child.on('error', (error) => {
      if (this.child === child) this.lose(died(error.message));
    });
    child.on('exit', (code, signal) => {
      if (this.child === child) this.lose(died(lastWords.trim() || (signal ?? l10n.t`exit code ${code ?? 0}`)));
    });
    return child;
  }

  private receive(message: unknown): void {
    if (!isToPanel(message) || message.kind === 'event') return;
    const { id } = message;
    const request = this.pending.get(id);
    if (message.kind === 'progress') {
      request?.onProgress?.(message.progress as never);
      return;
    }
    clearTimeout(this.stopping.get(id));
    this.stopping.delete(id);
    this.pending.delete(id);
    if (message.kind === 'reply') request?.resolve(message.result);
    else request?.reject(toError(message.error));
    this.rest();
  }

  private abort(id: number, reason: unknown): void {
    const request = this.pending.get(id);
    if (request === undefined) return;
    this.pending.delete(id);
    if (this.child) post(this.child, { kind: 'abort', id });
    const restart = () => void this.restart();
    this.stopping.set(id, setTimeout(restart, this.options.abortGraceMs ?? ABORT_GRACE_MS).unref());
    request.reject(reason);
  }

  /** Ends a process that is stuck in what nobody wants any more; what else was asked is asked again. */
  private async restart(): Promise<void> {
    await this.end();
    if (this.child !== undefined) return;
    for (const [id, { name, params }] of this.pending) this.send(id, name, params);
  }

  /** The process is gone by itself. */
  private lose(error: unknown): void {
    this.child = undefined;
    this.clearStopping();
    this.rejectAll(error);
  }

  private rest(): void {
    if (this.pending.size > 0 || this.stopping.size > 0) return;
    // One without work must not keep this process alive.
    if (this.child) holdProcess(this.child, false);
    clearTimeout(this.idle);
    this.idle = setTimeout(() => void this.end(), this.options.idleMs ?? IDLE_MS).unref();
  }

  private async end(): Promise<void> {
    clearTimeout(this.idle);
    this.clearStopping();
    const child = this.child;
    this.child = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    // Nothing of it is worth keeping, and a process inside native code hears nothing else.
    child.ref();
    if (child.kill('SIGKILL')) await once(child, 'exit');
  }

  private clearStopping(): void {
    for (const timer of this.stopping.values()) clearTimeout(timer);
    this.stopping.clear();
  }

  private rejectAll(error: unknown): void {
    const requests = [...this.pending.values()];
    this.pending.clear();
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

/** A message that does not arrive was for a process that is gone, which its exit tells. */
function post(child: ChildProcess, message: ToHost): void {
  child.send(message, () => undefined);
}

/** Whether this process stays alive for as long as the child does. */
function holdProcess(child: ChildProcess, hold: boolean): void {
  for (const handle of [child, child.channel, child.stderr as Socket | null]) {
    if (hold) handle?.ref();
    else handle?.unref();
  }
}

function toError({ code, message, hint }: ErrorMessage): Error {
  if (code !== 'internal') return new UserError(code, message, hint);
  const error = new Error(message);
  // The stack over there says where it went wrong; that of this function does not.
  error.stack = hint;
  return error;
}
