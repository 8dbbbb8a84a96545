/* eslint-disable @typescript-eslint/prefer-for-of -- over typed arrays for-of takes four times as long */
import type { Dtype } from '../../checkpoint/dtype';
import { decodeToFloat64 } from '../../checkpoint/decode-wide';
import { isPlain, ScaledMoments } from './moments';
import { countNonFinite, noneNonFinite, type Points, type Accumulator, type Accumulation } from './accumulator';

/** How elements of a float format are assigned to buckets: by sign, exponent and leading mantissa bits. */
interface Format {
  /** Bits of an element's upper 32-bit word that are below the bucket's bits. */
  readonly shift: number;
  /** Leading bits of the mantissa that select the bucket. */
  readonly mantissaBits: number;
  readonly exponentBits: number;
}

const SINGLE: Format = { shift: 14, mantissaBits: 9, exponentBits: 8 };
const DOUBLE: Format = { shift: 12, mantissaBits: 8, exponentBits: 11 };

/** Elements that are summed before the sums are checked and merged; their bytes fit the L1 cache. */
const BLOCK = 2048;

const MAX_PENDING = 2 ** 31;

/**
 * Counts the elements of dtypes of 32 bits or more in buckets of nearly equal values. Sums, extremes and the counts of zeros
 * and non-finite elements are exact up to rounding; integers are treated as doubles.
 */
export class BucketCounts implements Accumulator {
  readonly #format: Format;
  readonly #counts: Uint32Array;
  readonly #totals: Float64Array;
  readonly #moments = new ScaledMoments();
  readonly #nonFinite = noneNonFinite();
  #pending = 0;
  #finite = 0;
  #positiveZeros = 0;
  #negativeZeros = 0;
  #min = Infinity;
  #max = -Infinity;

  readonly #dtype: Dtype;

  constructor(dtype: Dtype) {
    this.#dtype = dtype;
    this.#format = dtype === 'F32' ? SINGLE : DOUBLE;
    const buckets = 2 ** (1 + this.#format.exponentBits + this.#format.mantissaBits);
    this.#counts = new Uint32Array(buckets);
    this.#totals = new Float64Array(buckets);
  }

  add(bytes: Uint8Array): void {
    const { values, words } = this.#decode(bytes);
    const wordsPerValue = words.length / values.length;
    for (let at = 0; at < values.length; at += BLOCK) {
      const end = Math.min(at + BLOCK, values.length);
      this.#addBlock(values.subarray(at, end), words.subarray(at * wordsPerValue, end * wordsPerValue));
    }
    this.#pending += values.length;
    if (this.#pending >= MAX_PENDING) this.#flush();
  }

  finish(): Accumulation {
    this.#flush();
    const some = this.#finite > 0;
    return {
      ...this.#nonFinite,
      finite: this.#finite,
      zeros: this.#positiveZeros + this.#negativeZeros,
      min: some ? this.#min + 0 : NaN,
      max: some ? this.#max + 0 : NaN,
      ...this.#moments.finish(),
      points: this.#points(),
      pointError: 2 ** -(this.#format.mantissaBits + 1),
    };
  }

  #decode(bytes: Uint8Array): { values: Float32Array | Float64Array; words: Uint32Array } {
    if (this.#dtype !== 'F32') {
      const values = decodeToFloat64(this.#dtype, bytes);
      return { values, words: new Uint32Array(values.buffer, values.byteOffset, 2 * values.length) };
    }
    const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
    return {
      values: new Float32Array(buffer, byteOffset, byteLength / 4),
      words: new Uint32Array(buffer, byteOffset, byteLength / 4),
    };
  }

  #addBlock(values: Float32Array | Float64Array, words: Uint32Array): void {
    const counts = this.#counts;
    const format = this.#format;
    const negativeZero = counts.length / 2;
    const smallBefore = counts[0]! + counts[negativeZero]!;
    if (values instanceof Float32Array) countWords(words, format.shift, counts);
    else countUpperWords(words, format.shift, counts);
    if (counts[0]! + counts[negativeZero]! > smallBefore) this.#countZeros(values);
    const { sum, min, max } = values instanceof Float32Array ? sumSingles(values) : sumDoubles(values);
    // The sum of a block is finite only if every element is.
    if (!Number.isFinite(sum) || !isPlain(Math.max(-min, max))) {
      this.#addOneByOne(values);
      return;
    }
    const mean = sum / values.length;
    const squares = values instanceof Float32Array ? squaresOfSingles(values, mean) : squaresOfDoubles(values, mean);
    this.#moments.addBlock({ count: values.length, mean, squares });
    this.#finite += values.length;
    if (min < this.#min) this.#min = min;
    if (max > this.#max) this.#max = max;
  }

  #addOneByOne(values: Float32Array | Float64Array): void {
    for (const value of values) {
      if (!Number.isFinite(value)) {
        countNonFinite(this.#nonFinite, value, 1);
        continue;
      }
      this.#finite++;
      this.#moments.addValue(value);
      this.#min = Math.min(this.#min, value);
      this.#max = Math.max(this.#max, value);
    }
  }

  #countZeros(values: Float32Array | Float64Array): void {
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== 0) continue;
      if (Object.is(values[i], 0)) this.#positiveZeros++;
      else this.#negativeZeros++;
    }
  }

  #flush(): void {
    for (let bucket = 0; bucket < this.#counts.length; bucket++) this.#totals[bucket]! += this.#counts[bucket]!;
    this.#counts.fill(0);
    this.#pending = 0;
  }

  #points(): Points {
    const totals = this.#totals;
    const { mantissaBits, exponentBits } = this.#format;
    const half = totals.length / 2;
    const finiteEnd = (2 ** exponentBits - 1) * 2 ** mantissaBits;
    const values: number[] = [];
    const counts: number[] = [];
    const put = (value: number, count: number) => {
      if (count === 0) return;
      values.push(value);
      counts.push(count);
    };
    for (let i = finiteEnd - 1; i > 0; i--) put(this.#middle(half + i), totals[half + i]!);
    put(this.#middle(half), totals[half]! - this.#negativeZeros);
    put(0, this.#positiveZeros + this.#negativeZeros);
    put(this.#middle(0), totals[0]! - this.#positiveZeros);
    for (let i = 1; i < finiteEnd; i++) put(this.#middle(i), totals[i]!);
    return { values: Float64Array.from(values), counts: Float64Array.from(counts) };
  }

  /** The representative of a bucket: its middle, or the integer in it, clamped to the extremes. */
  #middle(bucket: number): number {
    const { shift } = this.#format;
    const word = ((bucket << shift) | (1 << (shift - 1))) >>> 0;
    const value = this.#dtype === 'F32' ? singleOf(word) : doubleOf(word);
    return Math.min(this.#max, Math.max(this.#min, this.#dtype.startsWith('F') ? value : Math.trunc(value)));
  }
}

const scratch = new DataView(new ArrayBuffer(8));

function singleOf(word: number): number {
  scratch.setUint32(0, word);
  return scratch.getFloat32(0);
}

function doubleOf(upper: number): number {
  scratch.setUint32(0, upper);
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}

// One function per array type: shared ones become several times slower once they have seen both types.

function countWords(words: Uint32Array, shift: number, counts: Uint32Array): void {
  for (let i = 0; i < words.length; i++) counts[words[i]! >>> shift]!++;
}

function countUpperWords(words: Uint32Array, shift: number, counts: Uint32Array): void {
  for (let i = 1; i < words.length; i += 2) counts[words[i]! >>> shift]!++;
}

interface Sums {
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

function sumSingles(values: Float32Array): Sums {
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    sum += x;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  return { sum, min, max };
}

function sumDoubles(values: Float64Array): Sums {
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    sum += x;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  return { sum, min, max };
}

function squaresOfSingles(values: Float32Array, mean: number): number {
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < values.length; i += 2) {
    const x = values[i]! - mean;
    const y = values[i + 1]! - mean;
    even += x * x;
    odd += y * y;
  }
  if (i < values.length) even += (values[i]! - mean) ** 2;
  return even + odd;
}

function squaresOfDoubles(values: Float64Array, mean: number): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  return squares;
}
