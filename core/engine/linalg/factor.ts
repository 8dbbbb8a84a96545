import type { HostTensor } from '../host';
import { f32 } from '../host';
import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { copyOf, dot, identityMatrix, matrix, setBlock, transpose, zeroMatrix } from './matrix';
import { thinQr } from './qr';
import type { Svd, SvdOptions } from './svd';
import { truncatedSvd } from './svd';

/** A weight [m, n] as the product u [m, r] v [r, n]. */
export interface Factors {
  readonly u: HostTensor<'float32'>;
  readonly v: HostTensor<'float32'>;
}

export interface Factored extends Factors {
  /** Frobenius norm of the error, relative to the norm of what was factored. */
  readonly relativeError: number;
}

/** Where the singular values go: their square roots into both factors, or all into v, which leaves u orthonormal. */
export type Split = 'even' | 'right';

export interface FactorOptions extends SvdOptions {
  readonly split?: Split;
}

/**
 * The factors of the best rank-`rank` approximation of a weight w [m, n].
 *
 * @throws RangeError when w is not a matrix or the rank is not between 1 and min(m, n)
 */
export async function factorTruncated(
  w: HostTensor<'float32'>,
  rank: number,
  options: FactorOptions = {},
): Promise<Factored> {
  const { split = 'even', ...shared } = options;
  const svd = await truncatedSvd(toMatrix(w), rank, shared);
  const { left, right } = fixSigns(scaled(svd, split));
  return { u: toTensor(left), v: toTensor(right), relativeError: svd.relativeError };
}

/**
 * Factors a product u [m, R] v [R, n] again at a smaller rank, without forming it. `paper` truncates v alone and
 * multiplies u by its left factor (PLRD, arXiv 2406.19995), which is optimal only when the columns of u are
 * orthonormal; `exact` is the best approximation of the product, from u = q r and the SVD of r v.
 *
 * @throws RangeError when the factors do not fit or the rank is not between 1 and the smallest of m, R and n
 */
export async function refactor(
  factors: Factors,
  rank: number,
  variant: 'paper' | 'exact',
  options: FactorOptions = {},
): Promise<Factored> {
  const { split = 'even', ...shared } = options;
  const u = toMatrix(factors.u);
  const v = toMatrix(factors.v);
  if (u.cols !== v.rows) throw new RangeError(`factors ${u.rows} x ${u.cols} and ${v.rows} x ${v.cols} do not fit`);
  const made =
    variant === 'exact'
      ? await balanced(u, v, rank, options)
      : await folded(u, scaled(await truncatedSvd(v, rank, shared), split), shared);
  const result = toFactors(made);
  return { ...result, relativeError: await productError(u, v, result, shared) };
}

/** Two factors [m, r] [r, n] in double precision. */
export interface FactoredMatrices {
  readonly left: Matrix;
  readonly right: Matrix;
}

/** The best approximation of u v [m, R] [R, n] of rank `rank`, without forming the product. */
export async function balanced(
  u: Matrix,
  v: Matrix,
  rank: number,
  { split = 'even', ...options }: FactorOptions = {},
): Promise<FactoredMatrices> {
  const { base, core } = await orthonormalBase(u, v, options);
  return folded(base, scaled(await truncatedSvd(core, rank, options), split), options);
}

const folded = async (base: Matrix, { left, right }: FactoredMatrices, options: LinalgOptions) =>
  fixSigns({ left: await matmul(base, left, options), right });

/**
 * Turns each pair of a column of `left` and a row of `right` so that the largest entry of the column is positive. Singular
 * vectors have no sign of their own; with one, the same model gives the same file everywhere. Changes its argument.
 */
export function fixSigns(factors: FactoredMatrices): FactoredMatrices {
  const { left, right } = factors;
  for (let k = 0; k < left.cols; k++) {
    let largest = 0;
    for (let i = 0; i < left.rows; i++) {
      const value = left.data[i * left.cols + k]!;
      if (Math.abs(value) > Math.abs(largest)) largest = value;
    }
    if (largest >= 0) continue;
    for (let i = 0; i < left.rows; i++) left.data[i * left.cols + k]! *= -1;
    for (let j = 0; j < right.cols; j++) right.data[k * right.cols + j]! *= -1;
  }
  return factors;
}

/** u v = base core, where base has orthonormal columns. */
async function orthonormalBase(u: Matrix, v: Matrix, options: LinalgOptions): Promise<{ base: Matrix; core: Matrix }> {
  // u has no more rows than columns: the product is no larger than v.
  if (u.rows <= u.cols) return { base: identityMatrix(u.rows), core: await matmul(u, v, options) };
  const { q, r } = await thinQr(u, options);
  return { base: q, core: await matmul(r, v, options) };
}

/** u diag(s) v^T with the singular values in both factors or in the right one: [m, r] and [r, n]. */
function scaled({ u, s, v }: Svd, split: Split): FactoredMatrices {
  const left = copyOf(u);
  const right = transpose(v);
  const [inLeft, inRight] = split === 'even' ? [s.map(Math.sqrt), s.map(Math.sqrt)] : [s.map(() => 1), s];
  for (let i = 0; i < left.data.length; i++) left.data[i]! *= inLeft[i % left.cols]!;
  for (const [i, factor] of inRight.entries())
    for (let j = i * right.cols; j < (i + 1) * right.cols; j++) right.data[j]! *= factor;
  return { left, right };
}

/**
 * ||u v - u' v'|| / ||u v|| in the Frobenius norm, from Gram matrices of the factors alone: with p = [u, u'] and q =
 * [v; -v'], the squared norm of p q is the sum of the element-wise products of p^T p and q q^T. Accurate to about 1e-8.
 */
export async function productError(
  u: Matrix,
  v: Matrix,
  { u: u2, v: v2 }: Factors,
  options: LinalgOptions,
): Promise<number> {
  const left = toMatrix(u2);
  const right = toMatrix(v2);
  const p = zeroMatrix(u.rows, u.cols + left.cols);
  setBlock(p, 0, 0, u);
  setBlock(p, 0, u.cols, left);
  const q = zeroMatrix(v.rows + right.rows, v.cols);
  setBlock(q, 0, 0, v);
  for (let i = 0; i < right.data.length; i++) q.data[v.data.length + i] = -right.data[i]!;
  const gramP = await matmul(p, p, { ...options, transA: true });
  const gramQ = await matmul(q, q, { ...options, transB: true });
  const rank = u.cols;
  let whole = 0;
  for (let i = 0; i < rank; i++) whole += dot(gramP.data, i * gramP.cols, gramQ.data, i * gramQ.cols, rank);
  const difference = dot(gramP.data, 0, gramQ.data, 0, gramP.data.length);
  return whole > 0 ? Math.sqrt(Math.max(0, difference) / whole) : 0;
}

/** @throws RangeError when the tensor is not a matrix */
export function toMatrix({ shape, data }: HostTensor<'float32'>): Matrix {
  const [rows, cols] = shape;
  if (shape.length !== 2 || rows === undefined || cols === undefined)
    throw new RangeError(`only a matrix can be factored, not a tensor of shape [${shape.join(', ')}]`);
  return matrix(rows, cols, data);
}

/** The factors in single precision, as a model has them. */
export const toFactors = ({ left, right }: FactoredMatrices): Factors => ({ u: toTensor(left), v: toTensor(right) });

const toTensor = ({ rows, cols, data }: Matrix): HostTensor<'float32'> => f32([rows, cols], Float32Array.from(data));
