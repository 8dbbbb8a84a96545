import { cholesky } from './cholesky';
import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { matrix, requireFinite, requireSquare, zeroMatrix } from './matrix';

/** The Gram matrix Σ xᵀ x of rows that come in batches, summed in double precision in the order in which they come. */
export class GramSum {
  #sum: Matrix;
  #spare: Matrix;
  #rows = 0;

  /** @param size columns of the rows: the sum is [size, size], and needs twice that memory while it grows */
  constructor(readonly size: number) {
    this.#sum = zeroMatrix(size, size);
    this.#spare = zeroMatrix(size, size);
  }

  /** How many rows were added. */
  get rows(): number {
    return this.#rows;
  }

  /** @param rows [count, size] @throws RangeError when they do not have `size` columns */
  async add(rows: ArrayLike<number>, options: LinalgOptions = {}): Promise<void> {
    const x = matrix(Math.floor(rows.length / this.size), this.size, rows);
    // The products are not stored into their own addend, so that both can be read while they are made.
    const next = await matmul(x, x, { ...options, transA: true, add: this.#sum, out: this.#spare });
    this.#spare = this.#sum;
    this.#sum = next;
    this.#rows += x.rows;
  }

  /** The sum so far; it is written over by the second addition after this. */
  get matrix(): Matrix {
    return this.#sum;
  }
}

/**
 * What is added to the diagonal, relative to its mean. Relative, because 1e-6 alone means nothing without the scale of the
 * activations. It makes every Gram matrix positive definite: fewer samples than columns leave zero eigenvalues, and
 * rounding turns these into ones of about -n² ε of the mean, which is below 1e-6 up to 60 000 columns. What no sample has
 * seen then counts a millionth: it decides only between approximations that are equal on the samples.
 */
export const DAMPING = 1e-6;

/**
 * A square root of a Gram matrix: the lower triangular s [n, n] with s sᵀ = g + damping · mean · identity, where mean is that of
 * the diagonal of g.
 * @param name of the matrix, for errors
 * @returns undefined if g is zero: nothing was seen, so that all directions count the same
 * @throws UserError `linalg.not-finite` with the name
 * @throws NotPositiveDefiniteError if g is not a Gram matrix
 */
export async function gramRoot(name: string, g: Matrix, options: LinalgOptions = {}): Promise<Matrix | undefined> {
  requireSquare('a Gram matrix', g);
  requireFinite(name, g);
  const { rows: n, data } = g;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += data[i * n + i]!;
  if (trace === 0) return undefined;
  const mean = trace / n;
  const scaled = zeroMatrix(n, n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) scaled.data[i * n + j] = data[i * n + j]! / 2 / mean + data[j * n + i]! / 2 / mean;
  for (let i = 0; i < n; i++) scaled.data[i * n + i]! += DAMPING;
  const root = await cholesky(scaled, options);
  const scale = Math.sqrt(mean);
  for (let i = 0; i < root.data.length; i++) root.data[i]! *= scale;
  return root;
}
