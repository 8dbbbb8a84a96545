import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { identityMatrix, maxAbs, rotateRows, rowRange, setBlock, zeroMatrix } from './matrix';
import { rankOneEigen } from './secular';
import type { Tridiagonal } from './tridiagonal';
import { implicitQl } from './tridiagonal-ql';

/** Eigenvalues ascending, eigenvectors as the rows of an [n, n] matrix. */
export interface EigenRows {
  readonly values: Float64Array;
  readonly rows: Matrix;
}

// Up to this order, QL iteration costs less than a merge.
const LEAF = 32;

/**
 * Eigen-decomposition of a symmetric tridiagonal matrix by divide and conquer (Cuppen 1981; deflation as in LAPACK's
 * dlaed2), with nearly all of the work in matrix products.
 */
export async function divideAndConquer(
  { diagonal, off }: Tridiagonal,
  options: LinalgOptions = {},
): Promise<EigenRows> {
  const scale = Math.max(maxAbs(diagonal), maxAbs(off));
  if (scale === 0) return { values: new Float64Array(diagonal.length), rows: identityMatrix(diagonal.length) };
  const scaled = { diagonal: diagonal.map((value) => value / scale), off: off.map((value) => value / scale) };
  const { values, rows } = await solve(scaled, options);
  return { values: values.map((value) => value * scale), rows };
}

async function solve({ diagonal, off }: Tridiagonal, options: LinalgOptions): Promise<EigenRows> {
  const n = diagonal.length;
  if (n <= LEAF) {
    const rows = identityMatrix(n);
    return sorted(implicitQl({ diagonal, off }, rows), rows);
  }
  const half = n >> 1;
  const link = off[half - 1]!;
  // The matrix is block-diagonal (two smaller ones) plus |link| u u^T, u = e_(half - 1) + sign(link) e_half.
  const upperDiagonal = diagonal.slice(0, half);
  const lowerDiagonal = diagonal.slice(half);
  upperDiagonal[half - 1]! -= Math.abs(link);
  lowerDiagonal[0]! -= Math.abs(link);
  const upper = await solve({ diagonal: upperDiagonal, off: off.slice(0, half - 1) }, options);
  const lower = await solve({ diagonal: lowerDiagonal, off: off.slice(half) }, options);

  const d = new Float64Array(n);
  const z = new Float64Array(n);
  const rows = zeroMatrix(n, n);
  d.set(upper.values);
  d.set(lower.values, half);
  for (let i = 0; i < half; i++) z[i] = upper.rows.data[(i + 1) * half - 1]! / Math.SQRT2;
  for (let i = half; i < n; i++) z[i] = (Math.sign(link) * lower.rows.data[(i - half) * (n - half)]!) / Math.SQRT2;
  setBlock(rows, 0, 0, upper.rows);
  setBlock(rows, half, half, lower.rows);
  return merge(d, z, 2 * Math.abs(link), rows, options);
}

function sorted(values: Float64Array, rows: Matrix): EigenRows {
  const order = ascending(values);
  const result = zeroMatrix(rows.rows, rows.cols);
  for (const [to, from] of order.entries()) setBlock(result, to, 0, rowRange(rows, from, from + 1));
  return { values: values.map((_, i) => values[order[i]!]!), rows: result };
}

const ascending = (values: Float64Array): number[] =>
  Array.from(values.keys()).sort((a, b) => values[a]! - values[b]! || a - b);

/** Eigen-decomposition of R^T (diag(d) + rho z z^T) R, where R is the orthonormal `rows`. Changes its arguments. */
async function merge(
  d: Float64Array,
  z: Float64Array,
  rho: number,
  rows: Matrix,
  options: LinalgOptions,
): Promise<EigenRows> {
  const n = d.length;
  const { kept, settled } = deflate(d, z, rho, rows);
  const result = zeroMatrix(n, n);
  // Borrows the memory of the result, which is filled only at the end.
  const active = rowRange(result, 0, kept.length);
  for (const [to, from] of kept.entries()) setBlock(active, to, 0, rowRange(rows, from, from + 1));
  const pick = (from: Float64Array) => Float64Array.from(kept, (i) => from[i]!);
  const inner = await rankOneEigen(pick(d), pick(z), rho, options);
  const turned = await matmul(inner.vectors, active, options);

  const values = new Float64Array(n);
  values.set(inner.values);
  for (const [i, from] of settled.entries()) values[kept.length + i] = d[from]!;
  const order = ascending(values);
  for (const [to, from] of order.entries()) {
    const source =
      from < kept.length
        ? rowRange(turned, from, from + 1)
        : rowRange(rows, settled[from - kept.length]!, settled[from - kept.length]! + 1);
    setBlock(result, to, 0, source);
  }
  return { values: values.map((_, i) => values[order[i]!]!), rows: result };
}

/**
 * Finds the eigenpairs that the update leaves unchanged: those with a negligible z, and one of every two with nearly
 * equal d, after a rotation that makes its z zero. `kept` is ordered by ascending d.
 */
function deflate(d: Float64Array, z: Float64Array, rho: number, rows: Matrix) {
  const tolerance = 8 * Number.EPSILON * Math.max(maxAbs(d), maxAbs(z));
  const kept: number[] = [];
  const settled: number[] = [];
  for (const j of ascending(d)) {
    if (rho * Math.abs(z[j]!) <= tolerance) {
      settled.push(j);
      continue;
    }
    const i = kept.at(-1);
    if (i !== undefined) {
      const length = Math.hypot(z[i]!, z[j]!);
      const c = z[j]! / length;
      const s = -z[i]! / length;
      const gap = d[j]! - d[i]!;
      if (Math.abs(gap * c * s) <= tolerance) {
        z[j] = length;
        z[i] = 0;
        rotateRows(rows, i, j, c, s);
        const lower = d[i]! * c * c + d[j]! * s * s;
        d[j] = d[i]! * s * s + d[j]! * c * c;
        d[i] = lower;
        kept.pop();
        settled.push(i);
      }
    }
    kept.push(j);
  }
  return { kept, settled };
}
