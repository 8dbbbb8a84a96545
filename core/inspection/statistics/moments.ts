/** Count, mean, and sum of squared distances from the mean. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Sum of (x - mean)^2. */
  readonly squares: number;
}

export const noMoments: Moments = { count: 0, mean: 0, squares: 0 };

/** The moments of two sets combined, without cancellation (Chan, Golub and LeVeque 1983). */
export function mergeMoments(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  const mean = a.mean + delta * (b.count / count);
  return { count, mean, squares: a.squares + b.squares + delta * delta * a.count * (b.count / count) };
}

/** The moments of the values times `factor`. */
const scaled = ({ count, mean, squares }: Moments, factor: number): Moments => ({
  count,
  mean: mean * factor,
  squares: squares * factor * factor,
});

/** Outside of these bounds, the square of a double, or a sum of squares, overflows or underflows. */
const HUGE = 2 ** 480;
const TINY = 2 ** -480;
const SCALE = 2 ** 540;

/** Whether the squares of a block with this largest magnitude need no scaling. */
export const isPlain = (largest: number): boolean => largest < HUGE && (largest > TINY || largest === 0);

/** Mean, standard deviation and root mean square of doubles of any magnitude. */
export class ScaledMoments {
  #plain = noMoments;
  /** Huge values are scaled by 1 / SCALE, tiny ones by SCALE. */
  #huge = noMoments;
  #tiny = noMoments;

  /** Adds a block whose largest magnitude is `isPlain`. */
  addBlock(block: Moments): void {
    this.#plain = mergeMoments(this.#plain, block);
  }

  addValue(value: number): void {
    const one = { count: 1, mean: value, squares: 0 };
    const size = Math.abs(value);
    if (size >= HUGE) this.#huge = mergeMoments(this.#huge, scaled(one, 1 / SCALE));
    else if (size > TINY || size === 0) this.#plain = mergeMoments(this.#plain, one);
    else this.#tiny = mergeMoments(this.#tiny, scaled(one, SCALE));
  }

  /** NaN if there are no values. */
  finish(): { mean: number; std: number; rms: number } {
    // Whatever underflows when it is scaled down is negligible next to the huge values.
    if (this.#huge.count > 0) {
      const rest = mergeMoments(this.#plain, scaled(this.#tiny, 1 / SCALE));
      return describe(mergeMoments(this.#huge, scaled(rest, 1 / SCALE)), SCALE);
    }
    if (this.#plain.squares > 0 || this.#plain.mean !== 0)
      return describe(mergeMoments(this.#plain, scaled(this.#tiny, 1 / SCALE)), 1);
    // Everything that is not tiny is zero.
    return describe(mergeMoments(this.#tiny, this.#plain), 1 / SCALE);
  }
}

function describe({ count, mean, squares }: Moments, factor: number): { mean: number; std: number; rms: number } {
  if (count === 0) return { mean: NaN, std: NaN, rms: NaN };
  const variance = squares / count;
  return { mean: mean * factor, std: Math.sqrt(variance) * factor, rms: Math.sqrt(variance + mean * mean) * factor };
}
