import type { Dtype } from './dtype';

/** Doubles represent every integer up to here, and not beyond. */
const MAX_EXACT = 2 ** 53;

export type WideDtype = 'I64' | 'U64';

/** Whether a double may be too imprecise for an element. */
export const isWide = (dtype: Dtype): dtype is WideDtype => dtype === 'I64' || dtype === 'U64';

/** Whether this double may stand for several integers. */
export const isRounded = (value: number): boolean => Math.abs(value) >= MAX_EXACT;

/** @param bytes little-endian elements, a whole number of them, at any alignment */
export function wideIntegers(dtype: WideDtype, bytes: Uint8Array): BigInt64Array | BigUint64Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const count = byteLength / 8;
  return dtype === 'I64' ? new BigInt64Array(buffer, byteOffset, count) : new BigUint64Array(buffer, byteOffset, count);
}

/** Elements as they are stored, and as doubles. */
export interface Elements {
  readonly dtype: Dtype;
  readonly bytes: Uint8Array;
  readonly values: ArrayLike<number>;
}

/**
 * The difference of the elements at an index, rounded only at the end: two different 64-bit integers may be the same
 * double. Undefined if doubles represent all elements exactly.
 */
export function exactDifferences(a: Elements, b: Elements): ((index: number) => number) | undefined {
  if (!isWide(a.dtype) && !isWide(b.dtype)) return undefined;
  const integer = ({ dtype, bytes, values }: Elements) => {
    const wide = isWide(dtype) ? wideIntegers(dtype, bytes) : undefined;
    return (index: number) => wide?.[index] ?? BigInt(values[index]!);
  };
  const [ours, theirs] = [integer(a), integer(b)];
  return (index) => {
    const [x, y] = [a.values[index]!, b.values[index]!];
    if (!isRounded(x) && !isRounded(y)) return x - y;
    return Number.isInteger(x) && Number.isInteger(y) ? Number(ours(index) - theirs(index)) : x - y;
  };
}

/** The minimum and maximum of many 64-bit integers, chunk by chunk. */
export class WideRange {
  // As two halves, because a BigInt per element would take several times as long.
  #least = [Infinity, Infinity];
  #greatest = [-Infinity, -Infinity];

  readonly #dtype: WideDtype;

  constructor(dtype: WideDtype) {
    this.#dtype = dtype;
  }

  add(bytes: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
    const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
    const signed = this.#dtype === 'I64';
    let [minHigh, minLow] = this.#least as [number, number];
    let [maxHigh, maxLow] = this.#greatest as [number, number];
    for (let i = 0; i < words.length; i += 2) {
      const low = words[i]!;
      const high = signed ? words[i + 1]! | 0 : words[i + 1]!;
      if (high < minHigh || (high === minHigh && low < minLow)) [minHigh, minLow] = [high, low];
      if (high > maxHigh || (high === maxHigh && low > maxLow)) [maxHigh, maxLow] = [high, low];
    }
    this.#least = [minHigh, minLow];
    this.#greatest = [maxHigh, maxLow];
  }

  /** Both in decimal digits; null if there are none, or if doubles represent them exactly. */
  finish(): { min: string; max: string } | null {
    const [min, max] = [this.#least, this.#greatest].map(([high, low]) => joined(high!, low!));
    if (min === undefined || max === undefined || !(isRounded(Number(min)) || isRounded(Number(max)))) return null;
    return { min: min.toString(), max: max.toString() };
  }
}

const joined = (high: number, low: number) =>
  Number.isFinite(high) ? BigInt(high) * 2n ** 32n + BigInt(low) : undefined;
