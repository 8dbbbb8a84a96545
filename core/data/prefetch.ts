/**
 * Makes things ahead of their use, a bounded number of them, and says how long their user had to wait.
 * One thing is made after another, so that as much memory is in use as is asked for.
 */
export class Prefetch<T> {
  readonly #ready = new Map<number, Promise<T>>();
  #last: Promise<unknown> = Promise.resolve();
  #waited = 0;
  readonly #started = performance.now();

  /**
   * @param make the thing with a number
   * @param ahead things that are made before they are asked for
   * @param end number after the last thing
   */
  constructor(
    readonly make: (number: number) => Promise<T>,
    readonly ahead: number,
    readonly end = Infinity,
  ) {}

  /** The thing with that number; those after it are begun. Numbers rise. */
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

  /** How long its user has waited for it. */
  get waitedSeconds(): number {
    return this.#waited / 1000;
  }

  /** Share of the time since it was made that its user waited for it. */
  get waitingShare(): number {
    return this.#waited / Math.max(performance.now() - this.#started, 1e-9);
  }

  #begin(number: number): Promise<T> {
    const begun = this.#ready.get(number);
    if (begun) return begun;
    const made = this.#last.then(() => this.make(number));
    // Whoever asks for it is told; until then a failure is nobody's.
    this.#last = made.catch(() => undefined);
    this.#ready.set(number, made);
    return made;
  }
}
