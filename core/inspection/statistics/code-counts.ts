/* eslint-disable @typescript-eslint/prefer-for-of -- over typed arrays for-of takes four times as long */
import { decodeToFloat32, DTYPE_BYTES, type Dtype } from '../../checkpoint/dtype';
import { countNonFinite, noneNonFinite, type Points, type Accumulator, type Accumulation } from './accumulator';

/** Dtypes narrow enough to count every bit pattern. */
export const isNarrow = (dtype: Dtype): boolean => DTYPE_BYTES[dtype] <= 2;

/** The counters have 32 bits; they are added to doubles before they can overflow. */
const MAX_PENDING = 2 ** 31;

/**
 * Counts how often each bit pattern of a one- or two-byte dtype occurs. Every statistic can be computed exactly from these
 * counts, for any number of elements.
 */
export class CodeCounts implements Accumulator {
  // Two alternating tables: with one, each count in a sequence of equal values would wait until the previous one is stored.
  readonly #even: Uint32Array;
  readonly #odd: Uint32Array;
  readonly #totals: Float64Array;
  #pending = 0;

  readonly #dtype: Dtype;

  constructor(dtype: Dtype) {
    this.#dtype = dtype;
    const patterns = 256 ** DTYPE_BYTES[dtype];
    this.#even = new Uint32Array(patterns);
    this.#odd = new Uint32Array(patterns);
    this.#totals = new Float64Array(patterns);
  }

  add(bytes: Uint8Array): void {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
    const rest = aligned.subarray(words.byteLength);
    if (DTYPE_BYTES[this.#dtype] === 2) {
      countHalves(words, this.#even, this.#odd);
      if (rest.length > 0) this.#even[rest[0]! | (rest[1]! << 8)]!++;
    } else {
      countQuarters(words, this.#even, this.#odd);
      for (const code of rest) this.#even[code]!++;
    }
    this.#pending += bytes.byteLength;
    if (this.#pending >= MAX_PENDING) this.#flush();
  }

  finish(): Accumulation {
    this.#flush();
    const codes = Uint16Array.from({ length: this.#totals.length }, (_, code) => code);
    const patterns = this.#totals.length === 256 ? Uint8Array.from(codes) : new Uint8Array(codes.buffer);
    const values = decodeToFloat32(this.#dtype, patterns);
    const nonFinite = noneNonFinite();
    const seen: number[] = [];
    for (const [code, count] of this.#totals.entries()) {
      if (count === 0) continue;
      if (Number.isFinite(values[code])) seen.push(code);
      else countNonFinite(nonFinite, values[code]!, count);
    }
    seen.sort((a, b) => values[a]! - values[b]!);
    const points = merge(seen, values, this.#totals);
    return { ...nonFinite, ...describe(points), points, pointError: 0 };
  }

  #flush(): void {
    for (const table of [this.#even, this.#odd]) {
      for (let code = 0; code < table.length; code++) this.#totals[code]! += table[code]!;
      table.fill(0);
    }
    this.#pending = 0;
  }
}

function countHalves(words: Uint32Array, even: Uint32Array, odd: Uint32Array): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    even[word & 0xffff]!++;
    odd[word >>> 16]!++;
  }
}

function countQuarters(words: Uint32Array, even: Uint32Array, odd: Uint32Array): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    even[word & 0xff]!++;
    odd[(word >>> 8) & 0xff]!++;
    even[(word >>> 16) & 0xff]!++;
    odd[word >>> 24]!++;
  }
}

/** Merges codes of equal value, such as 0 and -0. */
function merge(codes: readonly number[], values: Float32Array, totals: Float64Array): Points {
  const distinct: number[] = [];
  const counts: number[] = [];
  for (const code of codes) {
    if (distinct.length > 0 && distinct.at(-1) === values[code]) counts[counts.length - 1]! += totals[code]!;
    else {
      // Adding 0 turns -0 into 0.
      distinct.push(values[code]! + 0);
      counts.push(totals[code]!);
    }
  }
  return { values: Float64Array.from(distinct), counts: Float64Array.from(counts) };
}

function describe({
  values,
  counts,
}: Points): Omit<Accumulation, 'points' | 'pointError' | keyof ReturnType<typeof noneNonFinite>> {
  let finite = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    finite += counts[i]!;
    sum += values[i]! * counts[i]!;
  }
  const mean = sum / finite;
  let squares = 0;
  let distances = 0;
  for (let i = 0; i < values.length; i++) {
    squares += values[i]! ** 2 * counts[i]!;
    distances += (values[i]! - mean) ** 2 * counts[i]!;
  }
  const zero = values.indexOf(0);
  return {
    finite,
    zeros: zero === -1 ? 0 : counts[zero]!,
    min: values[0] ?? NaN,
    max: values.at(-1) ?? NaN,
    mean,
    std: Math.sqrt(distances / finite),
    rms: Math.sqrt(squares / finite),
  };
}
