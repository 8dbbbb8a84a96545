/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey's small fast counting generator, PractRand; period about 2^128). The same
 * seed gives the same numbers on every machine; the state is four integers that can be saved in a checkpoint.
 */

/** The state of a generator: four unsigned 32-bit integers. */
export type RandomState = readonly [number, number, number, number];

const UINT32 = 2 ** 32;

/** Mixes two 32-bit integers into one (MurmurHash3's finalizer applied to their combination). */
export function mix32(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A stream of random numbers. */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  /** @param seeds integers; each tuple, such as (seed, epoch), gives an independent stream */
  constructor(...seeds: readonly number[]) {
    for (const seed of seeds) {
      this.#a = mix32(this.#a, seed >>> 0);
      this.#b = mix32(this.#b, Math.floor(seed / UINT32) >>> 0);
      this.#c = mix32(this.#c, this.#a ^ this.#b);
    }
    // The first outputs still resemble the seed.
    for (let i = 0; i < 15; i += 1) this.uint32();
  }

  /** Continues from the state of another generator. */
  static fromState(state: RandomState): Random {
    const random = new Random();
    [random.#a, random.#b, random.#c, random.#counter] = state;
    return random;
  }

  state(): RandomState {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#counter >>> 0];
  }

  /** Uniform over the integers 0 to 2^32 - 1. */
  uint32(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** Uniform over the integers 0 to `n` - 1, without bias; `n` is 1 to 2^32. */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > UINT32) throw new RangeError(`Random.int needs 1 to 2^32, got ${n}`);
    const limit = UINT32 - (UINT32 % n);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % n;
  }

  /**
   * Normal with mean 0 and variance 1 (Box and Muller 1958; the second value is discarded, so that there is no hidden state).
   */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place, with every order equally likely (Fisher and Yates); returns its argument. */
  shuffle<T extends unknown[] | Int32Array | Float32Array | Uint32Array>(items: T): T {
    for (let i = items.length - 1; i > 0; i -= 1) {
      const j = this.int(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}
