import { matmul } from './gemm';
import { reflection, reflectRows, triangularFactor } from './householder';
import type { LinalgOptions, Matrix } from './matrix';
import { addScaled, blockOf, dot, rowRange, zeroMatrix } from './matrix';

/** A symmetric tridiagonal matrix: `diagonal` [n], `off` [n - 1]. */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
}

/** a = H t H^T, where H = H_0 H_1 ...; one reflection per row. */
export interface Reduction extends Tridiagonal {
  /** [n - 1, n]; row i holds v of H_i; its first i + 1 entries are zero. */
  readonly vectors: Matrix;
  readonly taus: Float64Array;
}

// An update takes two rows per column: products with an inner length of 128.
const PANEL = 64;
// How many reflections are applied together, once all are known.
const BACK_BLOCK = 128;
// Below this order, multiplying a matrix by a vector here is faster than passing it to ONNX Runtime.
const DIRECT = 96;

/** Householder reduction of a symmetric matrix to tridiagonal form, blocked (Dongarra, Hammarling, Sorensen 1989). */
export async function tridiagonalize(a: Matrix, options: LinalgOptions = {}): Promise<Reduction> {
  const n = a.rows;
  const diagonal = new Float64Array(n);
  const off = new Float64Array(Math.max(0, n - 1));
  const taus = new Float64Array(off.length);
  const vectors = zeroMatrix(off.length, n);
  let rest = a;
  for (let top = 0; top < n; top += PANEL) {
    const size = Math.min(PANEL, n - top);
    const order = rest.rows;
    // Rows: the vectors v of this panel's reflections, then their w. The update is a - v w^T - w v^T.
    const pairs = zeroMatrix(2 * size, order);
    const swapped = zeroMatrix(2 * size, order);
    for (let j = 0; j < size; j++) {
      const row = rest.data.slice(j * order, (j + 1) * order);
      subtractPairs(pairs, size, j, row);
      diagonal[top + j] = row[j]!;
      if (top + j === n - 1) break;
      const { beta, tau } = reflection(row, j + 1, order - j - 1);
      off[top + j] = beta;
      taus[top + j] = tau;
      row.fill(0, 0, j + 1);
      vectors.data.set(row, (top + j) * n + top);
      pairs.data.set(row, j * order);
      swapped.data.set(row, (size + j) * order);
      const w = await applyUpdated(rest, pairs, size, j, row, options);
      for (let i = 0; i < order; i++) w[i]! *= tau;
      addScaled((-tau / 2) * dot(w, 0, row, 0, order), row, 0, w, 0, order);
      pairs.data.set(w, (size + j) * order);
      swapped.data.set(w, j * order);
    }
    if (top + size >= n) break;
    rest = await matmul(blockOf(pairs, 0, 2 * size, size, order), blockOf(swapped, 0, 2 * size, size, order), {
      ...options,
      transA: true,
      negate: true,
      add: blockOf(rest, size, order, size, order),
    });
  }
  return { diagonal, off, vectors, taus };
}

/** Updates row j of the trailing matrix with the j pairs found so far, from column j on. */
function subtractPairs(pairs: Matrix, size: number, j: number, row: Float64Array): void {
  const order = row.length;
  for (let i = 0; i < j; i++) {
    const v = i * order;
    const w = (size + i) * order;
    addScaled(-pairs.data[w + j]!, pairs.data, v + j, row, j, order - j);
    addScaled(-pairs.data[v + j]!, pairs.data, w + j, row, j, order - j);
  }
}

/** (a - v w^T - w v^T) x for the j pairs found so far, for the rows after j; x is zero up to index j. */
async function applyUpdated(
  a: Matrix,
  pairs: Matrix,
  size: number,
  j: number,
  x: Float64Array,
  options: LinalgOptions,
): Promise<Float64Array> {
  const order = a.rows;
  const from = j + 1;
  const length = order - from;
  const result = new Float64Array(order);
  if (order <= DIRECT) {
    for (let i = from; i < order; i++) result[i] = dot(a.data, i * order + from, x, from, length);
  } else {
    const column = { rows: order, cols: 1, data: x };
    const out = { rows: length, cols: 1, data: result.subarray(from) };
    await matmul(rowRange(a, from, order), column, { ...options, out });
  }
  for (let i = 0; i < j; i++) {
    const v = i * order + from;
    const w = (size + i) * order + from;
    addScaled(-dot(pairs.data, w, x, from, length), pairs.data, v, result, from, length);
    addScaled(-dot(pairs.data, v, x, from, length), pairs.data, w, result, from, length);
  }
  return result;
}

/**
 * Multiplies each row z of `rows` [p, n] by H^T: eigenvectors of the tridiagonal matrix become those of the original
 * one. Changes `rows`.
 */
export async function backTransform(
  rows: Matrix,
  { vectors, taus }: Pick<Reduction, 'vectors' | 'taus'>,
  options: LinalgOptions = {},
): Promise<Matrix> {
  let current = rows;
  let spare = zeroMatrix(rows.rows, rows.cols);
  for (let top = Math.floor((taus.length - 1) / BACK_BLOCK) * BACK_BLOCK; top >= 0; top -= BACK_BLOCK) {
    const bottom = Math.min(top + BACK_BLOCK, taus.length);
    const block = rowRange(vectors, top, bottom);
    const factor = await triangularFactor(block, taus.subarray(top, bottom), options);
    const next = await reflectRows(current, { vectors: block, factor }, true, { ...options, out: spare });
    spare = current;
    current = next;
  }
  return current;
}
