import { messageOf } from '../../errors';
import { isGone } from './directory';
import { vanished } from './event-log';
import { LeaseLost, type Lease } from './lease';
import type { StatusKeeper } from './status-keeper';
import { stopRequested } from './stop-request';

/** Time between two heartbeats, milliseconds. */
const HEARTBEAT = 2_000;

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
    process.on('uncaughtException', this.#reject);
    process.on('unhandledRejection', this.#reject);
    this.#heartbeat = setInterval(() => void this.beat(), HEARTBEAT).unref();
  }

  /** Aborted when the run should stop at a checkpoint. */
  get signal(): AbortSignal {
    return this.#stop.signal;
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
      if (request) this.#stop.abort();
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
    if (this.#stop.signal.aborted) {
      this.#reject(new StoppedAtOnce());
      return;
    }
    this.#stop.abort();
    this.status.update({ state: 'stopping' }).catch((error: unknown) => {
      this.#onFailure(error);
    });
  };

  #onFailure(error: unknown): void {
    if (isGone(this.lease.dir)) this.#reject(vanished(this.lease.dir));
    else if (error instanceof LeaseLost) this.#reject(error);
    // Only once until it works again, so that a run waiting for disk space does not fill its log.
    else if (!this.#failing) process.stderr.write(`${messageOf(error)} The run goes on meanwhile.\n`);
    this.#failing = true;
  }
}
