/** Seconds between two samples at first, and after ten hours; more only in runs of more than a week. */
const FIRST = 2;
const LATE = 60;

/**
 * Seconds until the next sample. The longer a run has worked, the longer: every 2 seconds in the first 20 minutes, every 6
 * seconds after an hour, every minute after ten. A run of a week has about 12 000 samples, one of a year about 50 000.
 * @param worked how long the run has worked, seconds
 */
export function pauseAfter(worked: number): number {
  return Math.max(FIRST, Math.min(LATE, worked / 600), worked / 10_000);
}

/** Share of the time of one core that measuring may take. */
const SHARE = 1 / 200;

/** Says when something may be measured again, by how long it took: what is slow on a machine is done less often. */
export class Pace {
  #costs: number[] = [];
  #last = -Infinity;

  /** @param began and `ended` are times in seconds */
  measured(began: number, ended: number): void {
    // Delays by other work on the machine do not count.
    this.#costs = [...this.#costs.slice(-2), ended - began];
    this.#last = ended;
  }

  /** The time from which on it may be measured again, seconds. */
  get next(): number {
    return this.#costs.length === 0 ? -Infinity : this.#last + Math.min(...this.#costs) / SHARE;
  }
}
