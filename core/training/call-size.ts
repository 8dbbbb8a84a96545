/** A stop request and the heartbeat of a run wait for a call to end. */
const LONGEST_CALL_SECONDS = 0.5;
/** By so much a step must become faster for calls to become longer. */
const GAIN = 0.02;

/** So many calls of a size are looked at. The first one compiles, or takes more memory of the device, and does not count. */
const CALLS = 3;

/**
 * How many steps a call should do where every call takes the state to the device and back: twice as many, as long as that makes a step
 * faster, and a call stays short. What is computed does not depend on it.
 */
export class CallSize {
  #steps: number;
  /** The seconds of a step in calls of this size, and in those of half the size. */
  #measured: number[] = [];
  #before = Infinity;
  #isSettled: boolean;

  /**
   * @param most steps in a call
   * @param steps of the first call
   */
  constructor(
    readonly most = Infinity,
    steps = 1,
  ) {
    this.#steps = steps;
    this.#isSettled = most <= steps;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Tells how long a call took. */
  took(steps: number, seconds: number): void {
    // Smaller ones are at the end of an epoch, or before an evaluation.
    if (steps !== this.#steps) return;
    this.#measured = [...this.#measured, seconds / steps].slice(-CALLS);
    const limit = LONGEST_CALL_SECONDS / this.#steps;
    if (this.#measured.length < CALLS) return;
    if (this.#isSettled) {
      // The device may have become slower.
      if (this.#steps > 1 && this.#measured.every((one) => one > 2 * limit)) this.#become(this.#steps / 2);
      return;
    }
    const now = Math.min(...this.#measured.slice(1));
    if (now > (1 - GAIN) * this.#before) this.#settle(this.#steps / 2);
    else if (2 * this.#steps > this.most || now > limit / 2) this.#settle(this.#steps);
    else {
      this.#before = now;
      this.#become(2 * this.#steps);
    }
  }

  #settle(steps: number): void {
    this.#isSettled = true;
    this.#become(steps);
  }

  #become(steps: number): void {
    this.#steps = steps;
    this.#measured = [];
  }
}
