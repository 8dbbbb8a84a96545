/**
 * Prepares a limited number of items ahead of their use, and measures how long the consumer waited. Items are prepared
 * one after another, so that memory use stays as requested.
 */
export class Prefetch<T> {
  readonly #ready = new Map<number, Promise<T>>();
  #last: Promise<unknown> = Promise.resolve();
  #waited = 0;
  readonly #started = performance.now();

  /**
   * @param make makes the item with a number
   * @param ahead number of items that are prepared in advance
   * @param end number after the last item
   */
  constructor(
    readonly make: (number: number) => Promise<T>,
    readonly ahead: number,
    readonly end = Infinity,
  ) {}

  /** The item with this number; those after it are started. Numbers must increase. */
  async take(number: number): Promise<T> {
    const wanted = this.#begin(number);
    for (let next = number + 1; next <= Math.min(number + this.ahead, this.end - 1); next++) void this.#begin(next);
    for (const old of this.#ready.keys()) if (old <= number) this.#ready.delete(old);
    const start = performance.now();
    try {
      return await wanted;
    } finally {
      this.#waited += performance.now() - start;
    }
  }

  /** How long the consumer has waited. */
  get waitedSeconds(): number {
    return this.#waited / 1000;
  }

  /** Share of the time since construction that the consumer spent waiting. */
  get waitingShare(): number {
    return this.#waited / Math.max(performance.now() - this.#started, 1e-9);
  }

  #begin(number: number): Promise<T> {
    const begun = this.#ready.get(number);
    if (begun) return begun;
    const made = this.#last.then(() => this.make(number));
    // The error goes to whoever takes the item; until then, it must not count as unhandled.
    this.#last = made.catch(() => undefined);
    this.#ready.set(number, made);
    return made;
  }
}
