/** Distinct values, rising, each with the number of elements that have it; or representatives of narrow buckets. */
export interface Points {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** What one pass over the elements of a tensor gathers, from which its statistics follow. */
export interface Accumulation {
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly zeros: number;
  readonly finite: number;
  /** Of the finite elements, as are the rest; NaN without one. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly rms: number;
  /** Of the finite elements, zeros included. */
  readonly points: Points;
  /** Largest distance of an element from its point, as a share of the element's magnitude. */
  readonly pointError: number;
}

/** Counts the elements of a tensor, chunk by chunk. */
export interface Accumulator {
  /** @param bytes little-endian elements, a whole number of them */
  add(bytes: Uint8Array): void;
  finish(): Accumulation;
}

/** Numbers of elements that have no place among the finite ones. */
export interface NonFinite {
  nan: number;
  positiveInfinity: number;
  negativeInfinity: number;
}

export const noneNonFinite = (): NonFinite => ({ nan: 0, positiveInfinity: 0, negativeInfinity: 0 });

/** Counts an element that is not finite. */
export function countNonFinite(accumulated: NonFinite, value: number, count: number): void {
  if (Number.isNaN(value)) accumulated.nan += count;
  else if (value > 0) accumulated.positiveInfinity += count;
  else accumulated.negativeInfinity += count;
}
