import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { blockOf, frobeniusNorm, requireFinite, rowRange, transpose } from './matrix';
import type { Triplets } from './svd-exact';
import { allSingularValues, exactTriplets, isWide } from './svd-exact';
import { randomizedTriplets } from './svd-randomized';

export interface Svd {
  /** [m, r], orthonormal columns */
  readonly u: Matrix;
  /** [r], largest first */
  readonly s: Float64Array;
  /** [n, r], orthonormal columns */
  readonly v: Matrix;
  /** ||a - u diag(s) v^T|| / ||a|| in the Frobenius norm, measured; 0 for a zero matrix */
  readonly relativeError: number;
}

export interface SvdOptions extends LinalgOptions {
  /** `auto` chooses by cost. */
  readonly method?: 'auto' | 'exact' | 'randomized';
  /** Seed of the random start; the same seed gives the same bits. */
  readonly seed?: number;
}

/**
 * The best rank-`rank` approximation of a [m, n], as its leading singular triplets. The randomized method is within 0.1
 * % of the best Frobenius error.
 *
 * @throws RangeError when the rank is not between 1 and min(m, n)
 */
export async function truncatedSvd(a: Matrix, rank: number, options: SvdOptions = {}): Promise<Svd> {
  const { method = 'auto', seed = 0, ...shared } = options;
  const limit = Math.min(a.rows, a.cols);
  if (!Number.isInteger(rank) || rank < 1 || rank > limit)
    throw new RangeError(`a ${a.rows} x ${a.cols} matrix has ranks from 1 to ${limit}, not ${rank}`);
  requireFinite('to decompose', a);
  const exact = method === 'exact' || (method === 'auto' && exactIsCheaper(a, rank));
  const found = await (exact ? exactTriplets(a, rank, shared) : randomizedTriplets(a, rank, seed, shared));
  const [left, right] = isWide(a) ? [found.near, found.far] : [found.far, found.near];
  const relativeError = await residual(a, left, found, right, shared);
  return { u: transpose(left), s: found.values, v: transpose(right), relativeError };
}

/** All singular values of a, largest first. */
export async function singularValues(a: Matrix, options: LinalgOptions = {}): Promise<Float64Array> {
  requireFinite('to decompose', a);
  return allSingularValues(a, options);
}

// Measured: at a quarter of the full rank, the exact method takes two thirds of the time of the randomized one, at
// every size.
const RANDOMIZED_SHARE = 1 / 8;

/** Small matrices are fast either way, and the exact method gives full precision. */
function exactIsCheaper(a: Matrix, rank: number): boolean {
  const short = Math.min(a.rows, a.cols);
  return short <= 512 || rank > RANDOMIZED_SHARE * short;
}

// Rows of the product that are in memory at a time.
const CHUNK = 256;

async function residual(a: Matrix, left: Matrix, { values }: Triplets, right: Matrix, options: LinalgOptions) {
  const norm = frobeniusNorm(a);
  if (norm === 0) return 0;
  let squares = 0;
  for (let top = 0; top < a.rows; top += CHUNK) {
    const bottom = Math.min(top + CHUNK, a.rows);
    const part = blockOf(left, 0, left.rows, top, bottom);
    for (let i = 0; i < part.data.length; i++) part.data[i]! *= values[Math.floor(i / part.cols)]!;
    const add = rowRange(a, top, bottom);
    squares += frobeniusNorm(await matmul(part, right, { ...options, transA: true, negate: true, add })) ** 2;
  }
  return Math.sqrt(squares) / norm;
}
