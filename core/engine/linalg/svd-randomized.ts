import { Random } from '../../random';
import { symmetricEigenvalues } from './eigh';
import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { dot, transpose, zeroMatrix } from './matrix';
import { thinLq } from './qr';
import type { Triplets } from './svd-exact';
import { applyToFar, applyToNear, exactTriplets } from './svd-exact';

/** Rows in the iterated subspace: the more beyond the rank, the faster it converges to the leading vectors. */
const oversampled = (rank: number): number => rank + Math.max(16, Math.ceil(rank / 8));

// By what share the error of the result may exceed that of the best approximation.
const TOLERANCE = 5e-4;
const MAX_ITERATIONS = 40;

/**
 * The leading `rank` singular triplets by randomized subspace iteration (Halko, Martinsson and Tropp 2011). It stops
 * when the energy that is still to be gained is negligible compared with the energy that no rank-`rank` matrix
 * captures.
 */
export async function randomizedTriplets(
  a: Matrix,
  rank: number,
  seed: number,
  options: LinalgOptions = {},
): Promise<Triplets> {
  const short = Math.min(a.rows, a.cols);
  const total = dot(a.data, 0, a.data, 0, a.data.length);
  let near = (await thinLq(gaussian(Math.min(short, oversampled(rank)), short, seed), options)).q;
  let captured = 0;
  let gain = Infinity;
  for (let iteration = 0; ; iteration++) {
    const images = await applyToNear(near, a, options);
    const before = captured;
    const gainBefore = gain;
    captured = await leadingEnergy(images, rank, options);
    gain = captured - before;
    if (iteration === MAX_ITERATIONS || converged(gain, gainBefore, total - captured, total)) {
      const { l, q } = await thinLq(images, options);
      const inner = await exactTriplets(transpose(l), rank, options);
      return {
        values: inner.values,
        near: await matmul(inner.near, near, options),
        far: await matmul(inner.far, q, options),
      };
    }
    near = (await thinLq(await applyToFar((await thinLq(images, options)).q, a, options), options)).q;
  }
}

/** Sum of the `rank` largest squared singular values of the rows. */
async function leadingEnergy(rows: Matrix, rank: number, options: LinalgOptions): Promise<number> {
  const squares = await symmetricEigenvalues(await matmul(rows, rows, { ...options, transB: true }), options);
  return squares.subarray(squares.length - rank).reduce((sum, square) => sum + square, 0);
}

/** Whether the remaining gains, shrinking as the last two did, are a negligible share of the squared error. */
function converged(gain: number, gainBefore: number, missed: number, total: number): boolean {
  if (missed <= 1e-14 * total || gain <= 1e-15 * total) return true;
  const ratio = gain / gainBefore;
  return ratio < 1 && gainBefore < Infinity && (gain * ratio) / (1 - ratio) <= 2 * TOLERANCE * missed;
}

function gaussian(rows: number, cols: number, seed: number): Matrix {
  const result = zeroMatrix(rows, cols);
  const random = new Random(seed, rows, cols);
  for (let i = 0; i < result.data.length; i++) result.data[i] = random.normal();
  return result;
}
