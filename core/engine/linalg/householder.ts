import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { addScaled, dot, zeroMatrix } from './matrix';

/**
 * Householder reflections H = I - tau v v^T, several at a time in the compact WY form I - V T V^T (Schreiber and Van Loan
 * 1989). Vectors are rows, so that they are contiguous.
 */

/**
 * The reflection that maps x = data[at .. at + length - 1] to (beta, 0, ..., 0); x is overwritten by v, v[0] = 1.
 */
export function reflection(data: Float64Array, at: number, length: number): { beta: number; tau: number } {
  const first = data[at]!;
  const rest = Math.sqrt(dot(data, at + 1, data, at + 1, length - 1));
  data[at] = 1;
  if (rest === 0) return { beta: first, tau: 0 };
  const beta = -Math.sign(first || 1) * Math.hypot(first, rest);
  const scale = 1 / (first - beta);
  for (let i = at + 1; i < at + length; i++) data[i]! *= scale;
  return { beta, tau: (beta - first) / beta };
}

/**
 * The upper triangular T [k, k] of H_0 H_1 ... = I - V^T T V, from the reflections in the rows of `vectors` [k, n].
 */
export async function triangularFactor(
  vectors: Matrix,
  taus: Float64Array,
  options: LinalgOptions = {},
): Promise<Matrix> {
  const k = vectors.rows;
  const products = await matmul(vectors, vectors, { ...options, transB: true });
  const factor = zeroMatrix(k, k);
  const t = factor.data;
  for (let j = 0; j < k; j++) {
    const tau = taus[j]!;
    t[j * k + j] = tau;
    for (let i = 0; i < j; i++) {
      let sum = 0;
      for (let l = i; l < j; l++) sum += t[i * k + l]! * products.data[l * k + j]!;
      t[i * k + j] = -tau * sum;
    }
  }
  return factor;
}

export interface ReflectorBlock {
  /** [k, n], one reflection's v per row. */
  readonly vectors: Matrix;
  /** [k, k] */
  readonly factor: Matrix;
}

/** Each row x of `rows` [p, n] becomes x H, or x H^T if `transposed`, where H = I - V^T T V. */
export async function reflectRows(
  rows: Matrix,
  { vectors, factor }: ReflectorBlock,
  transposed: boolean,
  options: LinalgOptions & { readonly out?: Matrix } = {},
): Promise<Matrix> {
  const { out, ...shared } = options;
  const projections = await matmul(rows, vectors, { ...shared, transB: true });
  const weights = await matmul(projections, factor, { ...shared, transB: transposed });
  return matmul(weights, vectors, { ...shared, negate: true, add: rows, ...(out ? { out } : {}) });
}

/** Applies one reflection to `length` entries of a row, from `rowAt` on. */
export function reflectRow(
  tau: number,
  v: Float64Array,
  vAt: number,
  row: Float64Array,
  rowAt: number,
  length: number,
): void {
  addScaled(-tau * dot(v, vAt, row, rowAt, length), v, vAt, row, rowAt, length);
}
