import assert from 'node:assert/strict';
import { matmul } from '../../../core/engine/linalg/gemm';
import type { Matrix } from '../../../core/engine/linalg/matrix';
import {
  copyOf,
  frobeniusNorm,
  identityMatrix,
  matrix,
  transpose,
  zeroMatrix,
} from '../../../core/engine/linalg/matrix';
import { thinQr } from '../../../core/engine/linalg/qr';
import { Random } from '../../../core/random';

export function gaussian(rows: number, cols: number, seed = 1): Matrix {
  const random = new Random(seed, rows, cols);
  const result = zeroMatrix(rows, cols);
  for (let i = 0; i < result.data.length; i++) result.data[i] = random.normal();
  return result;
}

export const orthonormal = async (rows: number, cols: number, seed = 1): Promise<Matrix> =>
  (await thinQr(gaussian(rows, cols, seed))).q;

/** u diag(s) v^T, columns of u and v beside each other. */
export function product(u: Matrix, s: Float64Array, v: Matrix): Promise<Matrix> {
  const left = copyOf(u);
  for (let i = 0; i < left.data.length; i++) left.data[i]! *= s[i % u.cols]!;
  return matmul(left, v, { transB: true });
}

/** A matrix [m, n] with the given singular values and random singular vectors. */
export async function withSpectrum(m: number, n: number, spectrum: ArrayLike<number>, seed = 1): Promise<Matrix> {
  const k = Math.min(m, n);
  assert.equal(spectrum.length, k);
  return product(await orthonormal(m, k, seed), Float64Array.from(spectrum), await orthonormal(n, k, seed + 1));
}

export const spectrum = (n: number, at: (i: number) => number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => at(i));

/** A copy whose rows are multiplied by scales. */
export function withScales(a: Matrix, at: (row: number) => number): Matrix {
  const result = copyOf(a);
  for (let i = 0; i < result.data.length; i++) result.data[i]! *= at(Math.floor(i / a.cols));
  return result;
}

export const hilbert = (n: number): Matrix =>
  matrix(
    n,
    n,
    Array.from({ length: n * n }, (_, i) => 1 / (Math.floor(i / n) + (i % n) + 1)),
  );

/** Rows (1, x, x^2, ...) for `rows` places x between 0 and 1. */
export const vandermonde = (rows: number, cols: number): Matrix =>
  matrix(
    rows,
    cols,
    Array.from({ length: rows * cols }, (_, i) => (Math.floor(i / cols) / (rows - 1)) ** (i % cols)),
  );

export const symmetric = (n: number, seed = 1): Matrix => {
  const half = gaussian(n, n, seed);
  const other = transpose(half).data;
  return matrix(
    n,
    n,
    half.data.map((value, i) => value + other[i]!),
  );
};

/** Frobenius norm of a - b. */
export function distance(a: Matrix, b: Matrix): number {
  assert.deepEqual([a.rows, a.cols], [b.rows, b.cols]);
  return frobeniusNorm(
    matrix(
      a.rows,
      a.cols,
      a.data.map((value, i) => value - b.data[i]!),
    ),
  );
}

/** How far the columns are from orthonormal. */
export const defect = async (q: Matrix): Promise<number> =>
  distance(await matmul(q, q, { transA: true }), identityMatrix(q.cols));

export function assertBelow(value: number, bound: number, what: string): void {
  assert.ok(value <= bound, `${what} is ${value}, above ${bound}`);
}

export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++)
    assertBelow(Math.abs(actual[i]! - expected[i]!), tolerance, `the difference at ${i}`);
}
