import { mix32 } from '../random';

const ROUNDS = 6;

/**
 * A seeded permutation of 0 … size - 1 that needs no memory: a Feistel network over the next even power of two,
 * iterated until the result is in range (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
 */
export class Permutation {
  readonly #half: number;
  readonly #keys: readonly number[];

  readonly #size: number;

  /**
   * @param size up to 2^52
   * @param seeds integers that select the permutation, such as (seed, epoch)
   */
  constructor(size: number, ...seeds: readonly number[]) {
    this.#size = size;
    let bits = 1;
    while (4 ** bits < size) bits += 1;
    this.#half = 2 ** bits;
    const key = seeds.reduce((hash, seed) => mix32(mix32(hash, seed >>> 0), Math.floor(seed / 2 ** 32) >>> 0), 0);
    this.#keys = Array.from({ length: ROUNDS }, (_, round) => mix32(key, round));
  }

  /** The image of `index`. */
  at(index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= this.#size) {
      throw new RangeError(`Permutation of ${this.#size} has no index ${index}`);
    }
    let value = index;
    do value = this.#encrypt(value);
    while (value >= this.#size);
    return value;
  }

  #encrypt(value: number): number {
    let left = Math.floor(value / this.#half);
    let right = value % this.#half;
    for (const key of this.#keys) [left, right] = [right, (left ^ (mix32(right, key) % this.#half)) >>> 0];
    return left * this.#half + right;
  }
}
