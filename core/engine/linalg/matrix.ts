import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

/** A dense matrix of double-precision numbers, row-major: entry (i, j) is `data[i * cols + j]`. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** What every function of the linear algebra takes. */
export interface LinalgOptions {
  /** Checked between products; when it fires, the function throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Threads inside one product; as many as the machine has cores unless given. */
  readonly threads?: number | undefined;
}

/** Lets other work run; in loops of plain code, which would block the process. */
export async function pause({ signal }: LinalgOptions): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

/** @throws RangeError when the data does not fill the matrix exactly */
export function matrix(rows: number, cols: number, data: ArrayLike<number>): Matrix {
  if (data.length !== rows * cols)
    throw new RangeError(`a ${rows} x ${cols} matrix has ${rows * cols} entries, not ${data.length}`);
  return { rows, cols, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

export const zeroMatrix = (rows: number, cols: number): Matrix => ({
  rows,
  cols,
  data: new Float64Array(rows * cols),
});

/** [rows, cols] with ones on the main diagonal. */
export function identityMatrix(rows: number, cols: number = rows): Matrix {
  const identity = zeroMatrix(rows, cols);
  for (let i = 0; i < Math.min(rows, cols); i++) identity.data[i * cols + i] = 1;
  return identity;
}

export const copyOf = ({ rows, cols, data }: Matrix): Matrix => ({ rows, cols, data: data.slice() });

/** Rows `from` to `to` - 1: a view that shares the memory. */
export function rowRange({ cols, data }: Matrix, from: number, to: number): Matrix {
  return { rows: to - from, cols, data: data.subarray(from * cols, to * cols) };
}

/** A copy of rows `top` to `bottom` - 1, columns `left` to `right` - 1. */
export function blockOf({ cols, data }: Matrix, top: number, bottom: number, left: number, right: number): Matrix {
  const block = zeroMatrix(bottom - top, right - left);
  for (let i = top; i < bottom; i++)
    block.data.set(data.subarray(i * cols + left, i * cols + right), (i - top) * block.cols);
  return block;
}

/** Writes a block over the entries that begin at (`top`, `left`). */
export function setBlock(target: Matrix, top: number, left: number, block: Matrix): void {
  for (let i = 0; i < block.rows; i++)
    target.data.set(block.data.subarray(i * block.cols, (i + 1) * block.cols), (top + i) * target.cols + left);
}

// A square of this size in each of two matrices fits the first-level cache.
const TILE = 32;

export function transpose({ rows, cols, data }: Matrix): Matrix {
  const result = zeroMatrix(cols, rows);
  const out = result.data;
  for (let top = 0; top < rows; top += TILE)
    for (let left = 0; left < cols; left += TILE) {
      const bottom = Math.min(top + TILE, rows);
      const right = Math.min(left + TILE, cols);
      for (let j = left; j < right; j++) for (let i = top; i < bottom; i++) out[j * rows + i] = data[i * cols + j]!;
    }
  return result;
}

/** Sum of x[i] y[i] over two rows of equal length inside larger arrays. */
export function dot(x: Float64Array, xAt: number, y: Float64Array, yAt: number, length: number): number {
  // Four sums at once: one sum would wait for each addition to end.
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += x[xAt + i]! * y[yAt + i]!;
    s1 += x[xAt + i + 1]! * y[yAt + i + 1]!;
    s2 += x[xAt + i + 2]! * y[yAt + i + 2]!;
    s3 += x[xAt + i + 3]! * y[yAt + i + 3]!;
  }
  for (; i < length; i++) s0 += x[xAt + i]! * y[yAt + i]!;
  return s0 + s1 + (s2 + s3);
}

/** y[i] += factor x[i] over two rows of equal length inside larger arrays. */
export function addScaled(
  factor: number,
  x: Float64Array,
  xAt: number,
  y: Float64Array,
  yAt: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) y[yAt + i]! += factor * x[xAt + i]!;
}

/** Turns two rows of a matrix by a plane rotation: (x, y) becomes (c x + s y, c y - s x). */
export function rotateRows({ cols, data }: Matrix, x: number, y: number, c: number, s: number): void {
  const xAt = x * cols;
  const yAt = y * cols;
  for (let i = 0; i < cols; i++) {
    const first = data[xAt + i]!;
    const second = data[yAt + i]!;
    data[xAt + i] = c * first + s * second;
    data[yAt + i] = c * second - s * first;
  }
}

/** Largest absolute value; 0 for an empty array. */
export function maxAbs(data: Float64Array): number {
  let max = 0;
  for (const value of data) max = Math.max(max, Math.abs(value));
  return max;
}

export const frobeniusNorm = ({ data }: Matrix): number => Math.sqrt(dot(data, 0, data, 0, data.length));

/** @throws UserError `linalg.not-finite` naming the first entry that is NaN or infinite */
export function requireFinite(name: string, { cols, data }: Matrix): void {
  let at = 0;
  while (at < data.length && Number.isFinite(data[at])) at++;
  if (at === data.length) return;
  throw new UserError(
    'linalg.not-finite',
    l10n.t`The matrix ${name} holds ${data[at]!} at row ${Math.floor(at / cols)}, column ${at % cols}.`,
    l10n.t('Check the checkpoint that it came from: training may have diverged.'),
  );
}

/** @throws RangeError when the matrix is not square */
export function requireSquare(name: string, { rows, cols }: Matrix): void {
  if (rows !== cols) throw new RangeError(`${name} needs a square matrix, not ${rows} x ${cols}`);
}
