import type { Factors } from '../protocol/model-summary';
import type { StoredDtype } from './dtype';
import type { TensorInfo, TensorReader } from './safetensors';

/** A linear layer that is stored as two tensors whose product is its weight. */
export interface FactorPair extends Factors {
  /** The layer's path. */
  readonly path: string;
  readonly u: TensorInfo;
  readonly v: TensorInfo;
  readonly dtype: StoredDtype;
}

const U = '.u.weight';

/** The name that the weight of a factored layer would have if the layer were full. */
export const fullWeightName = (layer: string): string => `${layer}.weight`;

/** The factored layer at a path, if it is one: `u.weight` [out, rank] and `v.weight` [rank, in]. */
export function factorPair(tensors: TensorReader['tensors'], path: string): FactorPair | undefined {
  const u = tensors.get(path + U);
  const v = tensors.get(`${path}.v.weight`);
  if (u?.shape.length !== 2 || v?.shape.length !== 2 || u.shape[1] !== v.shape[0]) return undefined;
  return { path, u, v, dtype: u.dtype, outFeatures: u.shape[0]!, inFeatures: v.shape[1]!, rank: u.shape[1]! };
}

/** All factored layers by their path, in the file's order. */
export function factorPairs(tensors: TensorReader['tensors']): Map<string, FactorPair> {
  const pairs = new Map<string, FactorPair>();
  for (const name of tensors.keys()) {
    const pair = name.endsWith(U) ? factorPair(tensors, name.slice(0, -U.length)) : undefined;
    if (pair !== undefined) pairs.set(pair.path, pair);
  }
  return pairs;
}
