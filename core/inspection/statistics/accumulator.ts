/**
 * Distinct values in ascending order, each with the number of elements that have it; or representatives of narrow buckets.
 */
export interface Points {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** What one pass over the elements of a tensor collects; its statistics are computed from this. */
export interface Accumulation {
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly zeros: number;
  readonly finite: number;
  /** This and the following are over the finite elements; NaN if there are none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly rms: number;
  /** The finite elements, including zeros. */
  readonly points: Points;
  /** Largest distance of an element from its point, relative to the element's magnitude. */
  readonly pointError: number;
}

/** Counts the elements of a tensor, chunk by chunk. */
export interface Accumulator {
  /** @param bytes a whole number of little-endian elements */
  add(bytes: Uint8Array): void;
  finish(): Accumulation;
}

/** Counts of the elements that are not finite. */
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
