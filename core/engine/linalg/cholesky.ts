import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { blockOf, copyOf, dot, requireFinite, requireSquare, rowRange, setBlock, zeroMatrix } from './matrix';

const BLOCK = 64;

export class NotPositiveDefiniteError extends UserError {
  override readonly name = 'NotPositiveDefiniteError';

  /**
   * @param pivot row and column, from 0, of the first pivot that is not positive
   * @param value that pivot
   */
  constructor(
    readonly pivot: number,
    readonly value: number,
  ) {
    super(
      'linalg.not-positive-definite',
      l10n.t`The matrix is not positive definite: pivot ${pivot} of its Cholesky decomposition is ${value}.`,
      l10n.t('Add a small multiple of the identity, or use more samples than it has rows.'),
    );
  }
}

/** Cholesky of one small block in place, lower triangle only; `offset` is where the block begins in the whole matrix. */
function factorBlock({ rows: n, data }: Matrix, offset: number): void {
  for (let j = 0; j < n; j++) {
    const pivot = data[j * n + j]! - dot(data, j * n, data, j * n, j);
    // Not `pivot <= 0`: NaN is no pivot either.
    if (!(pivot > 0)) throw new NotPositiveDefiniteError(offset + j, pivot);
    const root = Math.sqrt(pivot);
    data[j * n + j] = root;
    data.fill(0, j * n + j + 1, (j + 1) * n);
    for (let i = j + 1; i < n; i++) data[i * n + j] = (data[i * n + j]! - dot(data, i * n, data, j * n, j)) / root;
  }
}

/** The inverse of a small lower triangular block. */
function invertLower({ rows: n, data }: Matrix): Matrix {
  const inverse = zeroMatrix(n, n);
  const out = inverse.data;
  for (let j = 0; j < n; j++) {
    out[j * n + j] = 1 / data[j * n + j]!;
    for (let i = j + 1; i < n; i++) {
      let sum = 0;
      for (let k = j; k < i; k++) sum += data[i * n + k]! * out[k * n + j]!;
      out[i * n + j] = -sum / data[i * n + i]!;
    }
  }
  return inverse;
}

/**
 * The lower triangular l [n, n] with l l^T = a, by blocks, right-looking. Only the lower triangle of a is read.
 *
 * @throws NotPositiveDefiniteError
 */
export async function cholesky(a: Matrix, options: LinalgOptions = {}): Promise<Matrix> {
  requireSquare('a Cholesky decomposition', a);
  requireFinite('to decompose', a);
  const n = a.rows;
  const l = zeroMatrix(n, n);
  let rest = copyOf(a);
  for (let top = 0; top < n; top += BLOCK) {
    const size = Math.min(BLOCK, n - top);
    const corner = blockOf(rest, 0, size, 0, size);
    factorBlock(corner, top);
    setBlock(l, top, top, corner);
    if (top + size === n) break;
    const below = blockOf(rest, size, rest.rows, 0, size);
    const panel = await matmul(below, invertLower(corner), { ...options, transB: true });
    setBlock(l, top + size, top, panel);
    const trailing = blockOf(rest, size, rest.rows, size, rest.cols);
    rest = await matmul(panel, panel, { ...options, transB: true, negate: true, add: trailing });
  }
  return l;
}

/** Solves l x = b by blocks: l [n, n] lower triangular (what is above its diagonal is not read), b and x [n, p]. */
export async function solveLower(l: Matrix, b: Matrix, options: LinalgOptions = {}): Promise<Matrix> {
  requireSquare('a triangular solve', l);
  requireSolvable(l, b);
  const x = zeroMatrix(b.rows, b.cols);
  for (let top = 0; top < l.rows; top += BLOCK) {
    const bottom = Math.min(top + BLOCK, l.rows);
    const left = blockOf(l, top, bottom, 0, top);
    const known = rowRange(x, 0, top);
    const rest = await matmul(left, known, { ...options, negate: true, add: rowRange(b, top, bottom) });
    const inverse = invertLower(blockOf(l, top, bottom, top, bottom));
    await matmul(inverse, rest, { ...options, out: rowRange(x, top, bottom) });
  }
  return x;
}

/** Solves l^T x = b by blocks, the same way. */
export async function solveLowerTransposed(l: Matrix, b: Matrix, options: LinalgOptions = {}): Promise<Matrix> {
  requireSquare('a triangular solve', l);
  requireSolvable(l, b);
  const n = l.rows;
  const x = zeroMatrix(b.rows, b.cols);
  for (let top = Math.floor((n - 1) / BLOCK) * BLOCK; top >= 0; top -= BLOCK) {
    const bottom = Math.min(top + BLOCK, n);
    const below = blockOf(l, bottom, n, top, bottom);
    const known = rowRange(x, bottom, n);
    const rest = await matmul(below, known, { ...options, transA: true, negate: true, add: rowRange(b, top, bottom) });
    const inverse = invertLower(blockOf(l, top, bottom, top, bottom));
    await matmul(inverse, rest, { ...options, transA: true, out: rowRange(x, top, bottom) });
  }
  return x;
}

function requireSolvable(l: Matrix, b: Matrix): void {
  if (b.rows !== l.rows) throw new RangeError(`a right side of ${b.rows} rows does not fit ${l.rows} equations`);
  for (let i = 0; i < l.rows; i++)
    if (l.data[i * l.cols + i] === 0)
      throw new UserError(
        'linalg.singular',
        l10n.t`The triangular matrix is singular: its diagonal is 0 at ${i}.`,
        l10n.t('Add a small multiple of the identity to the matrix that it came from.'),
      );
}
