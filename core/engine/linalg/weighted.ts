import type { HostTensor } from '../host';
import { solveLowerTransposed } from './cholesky';
import type { Factored, FactoredMatrices, Factors } from './factor';
import { balanced, fixSigns, productError, toFactors, toMatrix } from './factor';
import { matmul } from './gemm';
import type { LinalgOptions, Matrix } from './matrix';
import { blockOf, dot, frobeniusNorm, rowRange } from './matrix';
import { thinQr } from './qr';
import type { SvdOptions } from './svd';
import { singularValues, truncatedSvd } from './svd';

/**
 * Which errors of a weight w [m, n] matter: ‖lᵀ (w - w') s‖ in the Frobenius norm is to be small. With the square root s of
 * the Gram matrix of a layer's inputs x, ‖(w - w') s‖ is the error ‖(w - w') x‖ of its outputs.
 */
export interface Weighting {
  /** s [n, n], lower triangular: see `gramRoot`; the identity if undefined. */
  readonly inputs?: Matrix | undefined;
  /** l [m, m], lower triangular; the identity if undefined. */
  readonly outputs?: Matrix | undefined;
}

/** A weight [m, n], full or as two factors whose product it is. */
export type Weight = HostTensor<'float32'> | Factors;

const isFull = (weight: Weight): weight is HostTensor<'float32'> => 'data' in weight;

/**
 * A product left right [m, r] [r, n] whose first k columns and rows are the best approximation of rank k, for every k up to
 * r. Not balanced: see `leadingFactors` and `balancedFactors`.
 */
export interface OrderedFactors {
  readonly left: Matrix;
  readonly right: Matrix;
  /** [r], the weighted singular values, largest first */
  readonly values: Float64Array;
  /** Squared weighted norm of the whole weight. */
  readonly energy: number;
}

/** lᵀ w = base core, where base has orthonormal columns, and is the identity if undefined. */
async function coreOf(weight: Weight, { outputs }: Weighting, options: LinalgOptions) {
  const applied = (w: Matrix) => (outputs ? matmul(outputs, w, { ...options, transA: true }) : Promise.resolve(w));
  if (isFull(weight)) return { base: undefined, core: await applied(toMatrix(weight)) };
  const u = await applied(toMatrix(weight.u));
  const v = toMatrix(weight.v);
  if (u.cols !== v.rows) throw new RangeError(`factors ${u.rows} x ${u.cols} and ${v.rows} x ${v.cols} do not fit`);
  // u has no more rows than columns: the product is no larger than v.
  if (u.rows <= u.cols) return { base: undefined, core: await matmul(u, v, options) };
  const { q, r } = await thinQr(u, options);
  return { base: q, core: await matmul(r, v, options) };
}

const weighted = (core: Matrix, { inputs }: Weighting, options: LinalgOptions): Promise<Matrix> =>
  inputs ? matmul(core, inputs, options) : Promise.resolve(core);

/**
 * The best approximations of a weight w in a weighted norm. lᵀ w' s is the best approximation of lᵀ w s (Eckart, Young and
 * Mirsky), which is e eᵀ lᵀ w s with its leading left singular vectors e; so w' = l⁻ᵀ e (eᵀ lᵀ w). Unlike e σ fᵀ s⁻¹
 * (SVD-LLM, Wang et al., arXiv 2403.07378, section 3.1), this needs no inverse of s, which is ill-conditioned where
 * activations are correlated. A factored weight is never multiplied out, unless the product is the smaller.
 *
 * @throws RangeError when the rank is not between 1 and the largest possible one
 */
export async function orderedFactors(
  weight: Weight,
  rank: number,
  weighting: Weighting,
  options: SvdOptions = {},
): Promise<OrderedFactors> {
  const { base, core } = await coreOf(weight, weighting, options);
  const target = await weighted(core, weighting, options);
  const { u, s: values } = await truncatedSvd(target, rank, options);
  const right = await matmul(u, core, { ...options, transA: true });
  const inner = base ? await matmul(base, u, options) : u;
  const left = weighting.outputs ? await solveLowerTransposed(weighting.outputs, inner, options) : inner;
  const energy = dot(target.data, 0, target.data, 0, target.data.length);
  return { left, right, values, energy };
}

/** The weighted singular values of a weight, largest first. */
export async function weightedSpectrum(
  weight: Weight,
  weighting: Weighting,
  options: LinalgOptions = {},
): Promise<Float64Array> {
  const { core } = await coreOf(weight, weighting, options);
  return singularValues(await weighted(core, weighting, options), options);
}

const leading = ({ left, right }: OrderedFactors, rank: number): FactoredMatrices => ({
  left: blockOf(left, 0, left.rows, 0, rank),
  right: rowRange(right, 0, rank),
});

/** The same product with its singular values shared evenly. */
export const balancedFactors = async (
  ordered: OrderedFactors,
  rank: number,
  options: LinalgOptions = {},
): Promise<FactoredMatrices> => {
  const { left, right } = leading(ordered, rank);
  return balanced(left, right, rank, options);
};

/**
 * The product of the first `rank` columns and rows, each pair scaled to equal lengths: still in order, so that the first
 * ones of these are again the best approximation of a lower rank.
 */
export function leadingFactors(ordered: OrderedFactors, rank: number): FactoredMatrices {
  const { left, right: view } = leading(ordered, rank);
  const right = { ...view, data: view.data.slice() };
  const { rows, cols } = right;
  for (let k = 0; k < rows; k++) {
    let square = 0;
    for (let i = 0; i < left.rows; i++) square += left.data[i * rank + k]! ** 2;
    const lengths = [Math.sqrt(square), Math.sqrt(dot(right.data, k * cols, right.data, k * cols, cols))] as const;
    // Where one of them is zero, the product is zero, and any lengths do.
    if (lengths[0] === 0 || lengths[1] === 0) continue;
    const scale = Math.sqrt(lengths[1] / lengths[0]);
    for (let i = 0; i < left.rows; i++) left.data[i * rank + k]! *= scale;
    for (let j = 0; j < cols; j++) right.data[k * cols + j]! /= scale;
  }
  return fixSigns({ left, right });
}

/** Weighted norm of what `rank` leaves out, relative to that of the weight. */
export function weightedError({ values, energy }: OrderedFactors, rank: number): number {
  if (energy === 0) return 0;
  const kept = values.subarray(0, rank).reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(Math.max(0, energy - kept) / energy);
}

/** ‖w - u v‖ / ‖w‖ in the plain Frobenius norm. */
export async function plainError(weight: Weight, factors: Factors, options: LinalgOptions = {}): Promise<number> {
  if (!isFull(weight)) return productError(toMatrix(weight.u), toMatrix(weight.v), factors, options);
  const w = toMatrix(weight);
  const norm = frobeniusNorm(w);
  if (norm === 0) return 0;
  const rest = await matmul(toMatrix(factors.u), toMatrix(factors.v), { ...options, negate: true, add: w });
  return frobeniusNorm(rest) / norm;
}

/**
 * Factors a weight, full or factored, at a rank, as well as that rank allows in a weighted norm.
 * @param order 'balanced' shares the singular values of the product evenly, as for training; 'nested' keeps the order, so
 *   that the first k columns and rows are the best approximation of rank k
 */
export async function factorWeighted(
  weight: Weight,
  rank: number,
  weighting: Weighting,
  order: 'balanced' | 'nested',
  options: SvdOptions = {},
): Promise<WeightedFactored> {
  return cutFactors(weight, await orderedFactors(weight, rank, weighting, options), rank, order, options);
}

/** The same from factors of at least that rank. */
export async function cutFactors(
  weight: Weight,
  ordered: OrderedFactors,
  rank: number,
  order: 'balanced' | 'nested',
  options: LinalgOptions = {},
): Promise<WeightedFactored> {
  const made = order === 'nested' ? leadingFactors(ordered, rank) : await balancedFactors(ordered, rank, options);
  const factors = toFactors(made);
  return {
    ...factors,
    relativeError: await plainError(weight, factors, options),
    weightedError: weightedError(ordered, rank),
  };
}

export interface WeightedFactored extends Factored {
  /** Weighted norm of the error, relative to that of the weight. */
  readonly weightedError: number;
}
