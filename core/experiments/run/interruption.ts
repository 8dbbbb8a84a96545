import { messageOf } from '../../errors';
import { isGone } from './directory';
import { vanished } from './event-log';
import { LeaseLost, type Lease } from './lease';
import type { StatusKeeper } from './status-keeper';
import { stopRequested } from './stop-request';

/** Time between two heartbeats, milliseconds. */
const HEARTBEAT = 2_000;

/** Whether a job script of ours has started this process. What the process starts is not scheduled itself. */
const SCHEDULED = process.env.WINNOW_SCHEDULED === '1';
delete process.env.WINNOW_SCHEDULED;

/** Stop without a checkpoint: a second signal, or a request with `force`. */
export class StoppedAtOnce extends Error {}

/**
 * Ends a run from outside while its method runs, and keeps up the heartbeat. `stop.json`, checked with every heartbeat,
 * requests a stop; a signal does the same without the delay.
 */
export class Interruption {
  readonly #stop = new AbortController();
  readonly #ended: Promise<never>;
  #reject: (reason: unknown) => void = () => undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** Whether the last heartbeat failed. */
  #failing = false;
  #over = false;
  #byScheduler = false;

  constructor(
    readonly lease: Lease,
    readonly status: StatusKeeper,
  ) {
    this.#ended = new Promise((_resolve, reject) => {
      this.#reject = reject;
    });
    this.#ended.catch(() => undefined);
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGINT', this.#onSignal);
    // The warning of a scheduler. Libraries of GPUs use SIGUSR1 themselves.
    if (SCHEDULED) process.on('SIGUSR2', this.#onSignal);
    process.on('uncaughtException', this.#reject);
    process.on('unhandledRejection', this.#reject);
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

  /** Settles like the work, unless the run is ended first. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** Checks for a stop request and writes a heartbeat. */
  async beat(): Promise<void> {
    try {
      const request = await stopRequested(this.lease);
      if (this.#over) return;
      if (request?.force) {
        this.#reject(new StoppedAtOnce());
        return;
      }
      if (request) {
        this.#byScheduler = false;
        this.#stop.abort();
      }
      await this.status.update(this.#stop.signal.aborted ? { state: 'stopping' } : {});
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
    const request = await stopRequested(this.lease).catch(() => undefined);
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
    this.status.update({ state: 'stopping' }).catch((error: unknown) => {
      this.#onFailure(error);
    });
  }

  #onFailure(error: unknown): void {
    if (isGone(this.lease.dir)) this.#reject(vanished(this.lease.dir));
    else if (error instanceof LeaseLost) this.#reject(error);
    // Only once until it works again, so that a run waiting for disk space does not fill its log.
    else if (!this.#failing) process.stderr.write(`${messageOf(error)} The run goes on meanwhile.\n`);
    this.#failing = true;
  }
}
