import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { isTracingForGpu } from '../../engine/ops/fused';
import { stackRows } from '../../engine/ops/stack';
import type { Named } from '../../engine/optimizer';

/**
 * Several linear layers of one input as one product, where that is faster: on a GPU. y = x [W₁; W₂; …]ᵀ + [b₁; b₂; …].
 * @param names without `.weight`
 * @param x [N, inputs]
 * @returns [N, sum of the outputs]; undefined where they are computed one by one, or if not all are full matrices with the same
 *   kinds of biases
 */
export function stackedLinear(parameters: Named<Tensor>, names: readonly string[], x: Tensor): Tensor | undefined {
  if (!isTracingForGpu()) return undefined;
  const present = (ending: string) =>
    names.map((name) => parameters[`${name}.${ending}`]).filter((tensor) => tensor !== undefined);
  const [weights, biases] = [present('weight'), present('bias')];
  if (weights.length < names.length || (biases.length > 0 && biases.length < names.length)) return undefined;
  const y = tf.matMul(x, stackRows(weights), false, true);
  return biases.length > 0 ? tf.add(y, stackRows(biases)) : y;
}

/**
 * Queries, keys and values by one product and one transposition, where that is faster.
 * @param names of the three layers
 * @param x [batch * tokens, inputs]
 * @param counts of the heads of each
 * @returns each [batch, heads, tokens, headDim]; undefined as in `stackedLinear`
 */
export function stackedHeads(
  parameters: Named<Tensor>,
  names: readonly [string, string, string],
  x: Tensor,
  batch: number,
  counts: readonly [number, number, number],
): [q: Tensor, k: Tensor, v: Tensor] | undefined {
  const y = stackedLinear(parameters, names, x);
  if (!y) return undefined;
  const count = counts[0] + counts[1] + counts[2];
  const shape = [batch, x.shape[0] / batch, count, y.shape[1]! / count];
  return tf.split(tf.transpose(tf.reshape(y, shape), [0, 2, 1, 3]), [...counts], 1) as [Tensor, Tensor, Tensor];
}
