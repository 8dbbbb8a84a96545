import { Random } from '../../../random';
import type { PlrdConfig } from '../config';

type NestedSettings = PlrdConfig['nested'];

/** The share of the steps that each size gets, the largest size first; they sum to one. */
export function sizeShares({ shares }: Pick<NestedSettings, 'shares'>, sizes: number): number[] {
  const given = shares ?? Array.from({ length: sizes }, (_, i) => 1 / (sizes - i));
  const total = given.reduce((sum, share) => sum + share, 0);
  return given.map((share) => share / total);
}

/** Consecutive multiples of the golden ratio, modulo 1, are spread more evenly than random numbers. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Draws the size of each training step (from 0). Over any stretch of steps, sizes occur in proportion to their shares: a Weyl
 * sequence with a random start instead of independent draws, whose proportions would vary in a short training. A pure function
 * of the seed and the step, so that a resumed run draws the same.
 * @returns numbers of sizes, 0 for the largest
 */
export function sizeDraw(
  settings: Pick<NestedSettings, 'shares'>,
  sizes: number,
  seed: number,
): (step: number) => number {
  const shares = sizeShares(settings, sizes);
  const start = new Random(seed, SIZES).uniform();
  return (step) => {
    let left = (start + step * GOLDEN_RATIO) % 1;
    const drawn = shares.findIndex((share) => (left -= share) < 0);
    return drawn < 0 ? sizes - 1 : drawn;
  };
}

/** Keeps these random numbers apart from others of the same seed. */
const SIZES = 0x73697a65;
