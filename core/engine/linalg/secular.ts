import type { LinalgOptions, Matrix } from './matrix';
import { pause } from './matrix';

/**
 * Eigen-decomposition of diag(d) + rho z z^T, the core of divide and conquer: roots of the secular equation 1 + rho sum
 * z_i^2 / (d_i - x) = 0 by rational interpolation (Bunch, Nielsen and Sorensen 1978), kept in a bracket; eigenvectors
 * from the z for which the computed roots are exact (Gu and Eisenstat 1994), so that they are orthogonal without extra
 * precision.
 */

/** One root, as a distance from the nearest pole: `d[origin] + offset`. */
interface Root {
  readonly origin: number;
  readonly offset: number;
}

const MAX_ITERATIONS = 100;

// Roots between two pauses, times n: each root takes time in proportion to n.
const WORK_PER_PAUSE = 200_000;

/** Root k of the secular equation, between d[k] and the next pole (or the largest root's bound). */
function findRoot(d: Float64Array, z: Float64Array, rho: number, k: number, norm2: number): Root {
  const n = d.length;
  const lastRoot = k === n - 1;
  // If it is the only root, it lies on its bound: the bracket is open and must reach beyond it.
  const width = lastRoot ? rho * norm2 * (1 + 8 * Number.EPSILON) : d[k + 1]! - d[k]!;
  // The sign in the middle says which pole is nearer; distances from that pole do not suffer from cancellation.
  const middle = secular(d, z, rho, k, k, width / 2).value;
  const origin = !lastRoot && middle < 0 ? k + 1 : k;
  let low = origin === k ? 0 : -width / 2;
  let high = origin === k ? (middle < 0 ? width : width / 2) : 0;
  if (lastRoot && middle < 0) low = width / 2;
  let offset = origin === k ? (low + high) / 2 : low / 2;
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const { value, below, belowSlope, above, aboveSlope } = secular(d, z, rho, k, origin, offset);
    const rounding = 8 * (1 + Math.abs(below) + Math.abs(above)) + Math.abs(offset) * (belowSlope + aboveSlope);
    if (Math.abs(value) <= Number.EPSILON * rounding) break;
    if (value < 0) low = offset;
    else high = offset;
    const left = d[k]! - d[origin]! - offset;
    const right = lastRoot ? 0 : d[k + 1]! - d[origin]! - offset;
    const next = offset + step(value, left, belowSlope, right, aboveSlope, lastRoot);
    const inside = next > low && next < high;
    const candidate = inside ? next : (low + high) / 2;
    if (candidate === offset || candidate <= low || candidate >= high) break;
    offset = candidate;
  }
  return { origin, offset };
}

/** The secular function and its two parts: poles up to k, poles after k, each with its slope. */
function secular(d: Float64Array, z: Float64Array, rho: number, k: number, origin: number, offset: number) {
  const base = d[origin]!;
  let below = 0;
  let belowSlope = 0;
  for (let i = 0; i <= k; i++) {
    const ratio = z[i]! / (d[i]! - base - offset);
    below += z[i]! * ratio;
    belowSlope += ratio * ratio;
  }
  let above = 0;
  let aboveSlope = 0;
  for (let i = d.length - 1; i > k; i--) {
    const ratio = z[i]! / (d[i]! - base - offset);
    above += z[i]! * ratio;
    aboveSlope += ratio * ratio;
  }
  below *= rho;
  above *= rho;
  return { value: 1 + below + above, below, belowSlope: rho * belowSlope, above, aboveSlope: rho * aboveSlope };
}

/**
 * The step to the root of c + s / (left - x) + t / (right - x), which matches the value of the secular function here
 * and the slopes of its two parts; for the last root, of c + s / (left - x).
 */
function step(value: number, left: number, belowSlope: number, right: number, aboveSlope: number, lastRoot: boolean) {
  if (lastRoot) {
    const c = value - left * belowSlope;
    return (left * value) / c;
  }
  const c = value - left * belowSlope - right * aboveSlope;
  const a = (left + right) * value - left * right * (belowSlope + aboveSlope);
  const b = left * right * value;
  const root = Math.sqrt(Math.max(0, a * a - 4 * b * c));
  return a <= 0 ? (a - root) / (2 * c) : (2 * b) / (a + root);
}

/**
 * Eigenvalues of diag(d) + rho z z^T, ascending, and eigenvectors [n, n], one per row.
 *
 * @param d ascending, without equal entries
 * @param z without zeros
 * @param rho positive
 */
export async function rankOneEigen(
  d: Float64Array,
  z: Float64Array,
  rho: number,
  options: LinalgOptions = {},
): Promise<{ values: Float64Array; vectors: Matrix }> {
  const n = d.length;
  const values = new Float64Array(n);
  const vectors = new Float64Array(n * n);
  const norm2 = z.reduce((sum, value) => sum + value * value, 0);
  // First the distances d_i - x_j, each accurate to its last digits.
  const rootsPerPause = Math.ceil(WORK_PER_PAUSE / (n + 1));
  for (let j = 0; j < n; j++) {
    if (j % rootsPerPause === rootsPerPause - 1) await pause(options);
    const { origin, offset } = findRoot(d, z, rho, j, norm2);
    values[j] = d[origin]! + offset;
    for (let i = 0; i < n; i++) vectors[j * n + i] = d[i]! - d[origin]! - offset;
  }
  const exact = new Float64Array(n).fill(1);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < j; i++) exact[i]! *= vectors[j * n + i]! / (d[i]! - d[j]!);
    exact[j]! *= vectors[j * n + j]!;
    for (let i = j + 1; i < n; i++) exact[i]! *= vectors[j * n + i]! / (d[i]! - d[j]!);
  }
  for (let i = 0; i < n; i++) exact[i] = Math.sign(z[i]!) * Math.sqrt(Math.abs(exact[i]!));
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const entry = exact[i]! / vectors[j * n + i]!;
      vectors[j * n + i] = entry;
      sum += entry * entry;
    }
    const scale = 1 / Math.sqrt(sum);
    for (let i = 0; i < n; i++) vectors[j * n + i]! *= scale;
  }
  return { values, vectors: { rows: n, cols: n, data: vectors } };
}
