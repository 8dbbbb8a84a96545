import { divideAndConquer } from './divide';
import type { LinalgOptions, Matrix } from './matrix';
import { requireFinite, requireSquare, transpose } from './matrix';
import { backTransform, tridiagonalize } from './tridiagonal';
import { implicitQl } from './tridiagonal-ql';

/**
 * Eigen-decomposition of a symmetric matrix a [n, n] = rows^T diag(values) rows: values ascending, one eigenvector per
 * row. Both triangles are read; they must agree.
 */
export async function eighRows(
  a: Matrix,
  options: LinalgOptions = {},
): Promise<{ values: Float64Array; rows: Matrix }> {
  requireSquare('an eigen-decomposition', a);
  requireFinite('to decompose', a);
  const reduction = await tridiagonalize(a, options);
  const { values, rows } = await divideAndConquer(reduction, options);
  return { values, rows: await backTransform(rows, reduction, options) };
}

/** The same, with one eigenvector per column: a = vectors diag(values) vectors^T. */
export async function eigh(a: Matrix, options: LinalgOptions = {}): Promise<{ values: Float64Array; vectors: Matrix }> {
  const { values, rows } = await eighRows(a, options);
  return { values, vectors: transpose(rows) };
}

/** The eigenvalues alone, ascending, for about two thirds of the work. */
export async function symmetricEigenvalues(a: Matrix, options: LinalgOptions = {}): Promise<Float64Array> {
  requireSquare('an eigen-decomposition', a);
  requireFinite('to decompose', a);
  return implicitQl(await tridiagonalize(a, options)).sort();
}
