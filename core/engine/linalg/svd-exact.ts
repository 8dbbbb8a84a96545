import { eighRows, symmetricEigenvalues } from './eigh';
import { matmul } from './gemm';
import { orthogonalizeRows } from './jacobi';
import type { LinalgOptions, Matrix } from './matrix';
import { dot, rowRange, setBlock, transpose, zeroMatrix } from './matrix';
import { thinLq } from './qr';

/**
 * Singular triplets, largest first, one per row: `near` holds the vectors of the shorter side of a matrix, `far` those of
 * its longer side.
 */
export interface Triplets {
  readonly values: Float64Array;
  readonly near: Matrix;
  readonly far: Matrix;
}

export const isWide = ({ rows, cols }: Matrix): boolean => rows < cols;

/** `rows` [p, shorter side] times the matrix: [p, longer side]. */
export const applyToNear = (rows: Matrix, a: Matrix, options: LinalgOptions): Promise<Matrix> =>
  matmul(rows, a, { ...options, transB: !isWide(a) });

/** `rows` [p, longer side] times the matrix: [p, shorter side]. */
export const applyToFar = (rows: Matrix, a: Matrix, options: LinalgOptions): Promise<Matrix> =>
  matmul(rows, a, { ...options, transB: isWide(a) });

const gramOfNear = (a: Matrix, options: LinalgOptions): Promise<Matrix> =>
  matmul(a, a, { ...options, transA: !isWide(a), transB: isWide(a) });

// Up to this order, Jacobi iteration takes a fraction of a second more and gives small singular values to full
// precision.
const REFINED = 512;

/**
 * The leading `rank` singular triplets, from the eigen-decomposition of the smaller Gram matrix. Singular values are
 * accurate to about 1e-15 of the largest if the shorter side is at most 512, otherwise to about 1e-8 of it, which is
 * below the rounding of single-precision weights.
 */
export async function exactTriplets(a: Matrix, rank: number, options: LinalgOptions = {}): Promise<Triplets> {
  const short = Math.min(a.rows, a.cols);
  if (short <= REFINED && Math.max(a.rows, a.cols) > 2 * short) {
    const { l, q } = await thinLq(isWide(a) ? a : transpose(a), options);
    // l = near^T diag(values) inner: its rows belong to the shorter side of a, its columns to the rows of q.
    const { values, near, far } = await exactTriplets(transpose(l), rank, options);
    return { values, near, far: await matmul(far, q, options) };
  }
  const { rows } = await eighRows(await gramOfNear(a, options), options);
  if (short > REFINED) return triplets(rowRange(rows, short - rank, short), a, options);
  const images = await applyToNear(rows, a, options);
  await orthogonalizeRows(images, rows, options);
  return normalize(images, rows, rank, options);
}

/** Singular triplets of a from orthonormal rows whose images under a are orthogonal. */
async function triplets(near: Matrix, a: Matrix, options: LinalgOptions): Promise<Triplets> {
  return normalize(await applyToNear(near, a, options), near, near.rows, options);
}

async function normalize(images: Matrix, near: Matrix, rank: number, options: LinalgOptions): Promise<Triplets> {
  const { rows, cols, data } = images;
  const lengths = Float64Array.from({ length: rows }, (_, i) => Math.sqrt(dot(data, i * cols, data, i * cols, cols)));
  const order = Array.from(lengths.keys()).sort((i, j) => lengths[j]! - lengths[i]! || i - j);
  const sorted = (from: Matrix) => {
    const result = zeroMatrix(rank, from.cols);
    for (let i = 0; i < rank; i++) setBlock(result, i, 0, rowRange(from, order[i]!, order[i]! + 1));
    return result;
  };
  // Not images / lengths, which is not a direction if the length is 0.
  const { l, q: far } = await thinLq(sorted(images), options);
  for (let i = 0; i < rank; i++)
    if (l.data[i * rank + i]! < 0) for (let j = 0; j < cols; j++) far.data[i * cols + j]! *= -1;
  return { values: Float64Array.from({ length: rank }, (_, i) => lengths[order[i]!]!), near: sorted(near), far };
}

/** All singular values, largest first; as accurate as those of `exactTriplets`. */
export async function allSingularValues(a: Matrix, options: LinalgOptions = {}): Promise<Float64Array> {
  const short = Math.min(a.rows, a.cols);
  if (short <= REFINED) return (await exactTriplets(a, short, options)).values;
  const squares = await symmetricEigenvalues(await gramOfNear(a, options), options);
  return squares.map((square) => Math.sqrt(Math.max(0, square))).reverse();
}
