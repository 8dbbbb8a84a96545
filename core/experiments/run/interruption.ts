import { messageOf } from '../../errors';
import { isGone } from './directory';
import { vanished } from './event-log';
import { LeaseLost, type Lease } from './lease';
import type { StatusKeeper } from './status-keeper';
import { stopRequested } from './stop-request';

/** Time between two heartbeats, milliseconds. */
const HEARTBEAT = 2_000;

/** There is no time for a checkpoint: a second signal came, or a request that says so. */
export class StoppedAtOnce extends Error {}

/**
 * Watches while a method runs for what can end the run from outside, and keeps its heartbeat going. A stop is asked for by
 * `stop.json`, which is looked for with every heartbeat; a signal does the same without the wait.
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

  /** Aborted when the run is to stop at a checkpoint. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Settles as the work does, unless something ends the run before. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** Looks for a request to stop, and gives a sign of life. */
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

  /** The last word is about to be written: nothing that comes now may follow it. */
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
    // Once, until it works again: the log of a run that waits for room on the disk is not to fill it.
    else if (!this.#failing) process.stderr.write(`${messageOf(error)} The run goes on meanwhile.\n`);
    this.#failing = true;
  }
}
