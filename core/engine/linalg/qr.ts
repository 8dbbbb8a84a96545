import type { ReflectorBlock } from './householder';
import { reflection, reflectRow, reflectRows, triangularFactor } from './householder';
import type { LinalgOptions, Matrix } from './matrix';
import { copyOf, identityMatrix, requireFinite, rowRange, transpose, zeroMatrix } from './matrix';

// Wide enough that most of the work is in matrix products, narrow enough that the panels, in plain JavaScript, stay
// cheap.
const PANEL = 32;

/**
 * Orthonormalizes rows by blocked Householder reflections: w [k, n], k <= n, is l q with l [k, k] lower triangular and
 * orthonormal rows in q [k, n], even if the rows of w are linearly dependent.
 */
export async function thinLq(w: Matrix, options: LinalgOptions = {}): Promise<{ l: Matrix; q: Matrix }> {
  const { rows: k, cols: n } = w;
  if (k > n) throw new RangeError(`a thin LQ decomposition needs at least as many columns as rows, not ${k} x ${n}`);
  requireFinite('to orthonormalize', w);
  const work = copyOf(w);
  const l = zeroMatrix(k, k);
  const blocks: ReflectorBlock[] = [];
  for (let top = 0; top < k; top += PANEL) {
    const bottom = Math.min(top + PANEL, k);
    for (let i = top; i < bottom; i++) l.data.set(work.data.subarray(i * n, i * n + top), i * k);
    const block = await factorPanel(work, l, top, bottom, options);
    blocks.push(block);
    if (bottom === k) break;
    const rest = rowRange(work, bottom, k);
    rest.data.set((await reflectRows(rest, block, false, options)).data);
  }
  const q = identityMatrix(k, n);
  for (const [index, block] of [...blocks.entries()].reverse()) {
    // The rows above are still unit vectors, which this block leaves unchanged.
    const rest = rowRange(q, index * PANEL, k);
    rest.data.set((await reflectRows(rest, block, true, options)).data);
  }
  return { l, q };
}

async function factorPanel(work: Matrix, l: Matrix, top: number, bottom: number, options: LinalgOptions) {
  const { cols: n, data } = work;
  const taus = new Float64Array(bottom - top);
  const vectors = zeroMatrix(bottom - top, n);
  for (let i = top; i < bottom; i++) {
    const at = i * n + i;
    for (let j = top; j < i; j++) l.data[i * l.cols + j] = data[i * n + j]!;
    const { beta, tau } = reflection(data, at, n - i);
    l.data[i * l.cols + i] = beta;
    taus[i - top] = tau;
    for (let j = i + 1; j < bottom; j++) reflectRow(tau, data, at, data, j * n + i, n - i);
    vectors.data.set(data.subarray(at, at + n - i), (i - top) * n + i);
  }
  return { vectors, factor: await triangularFactor(vectors, taus, options) };
}

/**
 * Thin QR decomposition a = q r of a tall matrix: a [m, n], m >= n, q [m, n] with orthonormal columns, r [n, n] upper
 * triangular. Orthonormal to machine precision, whatever the condition number or rank of a.
 */
export async function thinQr(a: Matrix, options: LinalgOptions = {}): Promise<{ q: Matrix; r: Matrix }> {
  const { rows: m, cols: n } = a;
  if (m < n) throw new RangeError(`a thin QR decomposition needs at least as many rows as columns, not ${m} x ${n}`);
  const { l, q } = await thinLq(transpose(a), options);
  return { q: transpose(q), r: transpose(l) };
}
