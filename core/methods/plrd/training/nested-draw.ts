import { Random } from '../../../random';
import type { PlrdConfig } from '../config';
import { divided, total } from './divided';

type NestedSettings = PlrdConfig['nested'];

/** The share of the training, or of the draws, that each size gets, the largest size first; they sum to one. */
export function sizeShares({ sizesPerStep, shares }: NestedSettings, sizes: number): number[] {
  const isExtreme = (size: number) => size === 0 || size === sizes - 1;
  const own = (size: number) => (sizesPerStep === 'all' && isExtreme(size) ? WEIGHT_OF_EXTREMES : 1);
  const given = shares ?? Array.from({ length: sizes }, (_, size) => own(size));
  const whole = total(given);
  return given.map((share) => share / whole);
}

/** Of the largest and the smallest size; those between, with a weight of one, profit from both (measured; see the README). */
const WEIGHT_OF_EXTREMES = 3;

/** How many of the sequences of a step train each size, the largest first, if every step trains all of them. */
export const partOfEach = (settings: NestedSettings, sizes: number, sequences: number): number[] =>
  divided(sequences, sizeShares(settings, sizes));

/** How many of the sequences train the smallest size where a step is split between it and another. */
export const halfOf = (sequences: number): number => Math.ceil(sequences / 2);

/** Consecutive multiples of the golden ratio, modulo 1, are spread more evenly than random numbers. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Draws the size of each training step (from 0). Over any stretch of steps, sizes occur in proportion to their shares: a Weyl
 * sequence with a random start instead of independent draws, whose proportions would vary in a short training. A pure function
 * of the seed and the step, so that a resumed run draws the same.
 * @returns numbers of sizes, 0 for the largest
 */
export function sizeDraw(settings: NestedSettings, sizes: number, seed: number): (step: number) => number {
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
