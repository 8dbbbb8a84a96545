import { messageOf } from '../../errors';
import { isGone } from './directory';
import { vanished } from './event-log';
import { LeaseLost } from './lease';
import { SCHEDULED } from './scheduled';
import type { RunStatus } from './status';
import type { StopRequest } from './stop-request';

/** Time between two heartbeats, milliseconds. */
const HEARTBEAT = 2_000;

/** Stop without a checkpoint: a second signal, or a request with `force`. */
export class StoppedAtOnce extends Error {}

/** What is ended from outside: a run, or the trials of one. */
export interface Interruptible {
  /** The run directory. */
  readonly dir: string;
  /** The request to stop, if there is one. @throws as `readStopRequest` */
  stopRequested(): Promise<StopRequest | undefined>;
  /** Writes a heartbeat, and the state if that has changed. @throws UserError `disk.*`, LeaseLost */
  beat(change: Partial<Pick<RunStatus, 'state'>>): Promise<void>;
}

/**
 * Ends a run from outside while its method runs, and keeps up the heartbeat. `stop.json`, checked with every heartbeat,
 * requests a stop; a signal does the same without the delay.
 */
export class Interruption {
  readonly #stop = new AbortController();
  #reject: (reason: unknown) => void = () => undefined;
  #ended = this.#rejected();
  #heartbeat: NodeJS.Timeout | undefined;
  /** Whether the last heartbeat failed. */
  #failing = false;
  #over = false;
  #byScheduler = false;

  constructor(readonly work: Interruptible) {
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGINT', this.#onSignal);
    // The warning of a scheduler. Libraries of GPUs use SIGUSR1 themselves.
    if (SCHEDULED) process.on('SIGUSR2', this.#onSignal);
    process.on('uncaughtException', this.#onError);
    process.on('unhandledRejection', this.#onError);
    this.#heartbeat = setInterval(() => void this.beat(), HEARTBEAT).unref();
  }

  /** Aborted when the run should stop at a checkpoint. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether a scheduler, and not the user, has ended the run: at its time limit, or for another job. */
  get byScheduler(): boolean {
    return this.#byScheduler;
  }

  /** Before the next of several works: what has ended the last one does not end it. */
  rearm(): void {
    this.#ended = this.#rejected();
  }

  #rejected(): Promise<never> {
    const ended = new Promise<never>((_resolve, reject) => {
      this.#reject = reject;
    });
    ended.catch(() => undefined);
    return ended;
  }

  /** Settles like the work, unless the run is ended first. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** Checks for a stop request and writes a heartbeat. */
  async beat(): Promise<void> {
    try {
      const request = await this.work.stopRequested();
      if (this.#over) return;
      if (request?.force) {
        this.#reject(new StoppedAtOnce());
        return;
      }
      if (request) {
        this.#byScheduler = false;
        this.#stop.abort();
      }
      await this.work.beat(this.#stop.signal.aborted ? { state: 'stopping' } : {});
      this.#failing = false;
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Called before the final status is written: nothing may be written after it. */
  end(): void {
    this.#over = true;
    clearInterval(this.#heartbeat);
  }

  readonly #onError = (error: unknown): void => {
    this.#reject(error);
  };

  readonly #onSignal = (): void => {
    if (this.#over) return;
    if (SCHEDULED) {
      void this.#warn();
      return;
    }
    if (this.#stop.signal.aborted) {
      this.#reject(new StoppedAtOnce());
      return;
    }
    this.#abort();
  };

  /** A scheduler warns: because of the user, which `stop.json` says, or on its own. It may warn more than once, and kills what does not end. */
  async #warn(): Promise<void> {
    const request = await this.work.stopRequested().catch(() => undefined);
    if (request?.force) {
      this.#reject(new StoppedAtOnce());
      return;
    }
    if (this.#over || this.#stop.signal.aborted) return;
    this.#byScheduler = request === undefined;
    this.#abort();
  }

  #abort(): void {
    this.#stop.abort();
    this.work.beat({ state: 'stopping' }).catch((error: unknown) => {
      this.#onFailure(error);
    });
  }

  #onFailure(error: unknown): void {
    if (isGone(this.work.dir)) this.#reject(vanished(this.work.dir));
    else if (error instanceof LeaseLost) this.#reject(error);
    // Only once until it works again, so that a run waiting for disk space does not fill its log.
    else if (!this.#failing) process.stderr.write(`${messageOf(error)} The run goes on meanwhile.\n`);
    this.#failing = true;
  }
}
