import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom';
import { isTracing, scaledMatMul } from './fused';

/**
 * Scaled dot-product attention (Vaswani et al., 2017) with grouped queries (Ainslie et al., 2023): each key-value head
 * serves `groups` query heads, which are stacked along the rows, so no head is repeated in memory. If q has one head
 * and k has several, all key-value heads get the same queries (Javadi et al., 2023).
 * @param q [batch, kvHeads or 1, groups * tokens, headDim]
 * @param k [batch, kvHeads, keys, headDim]
 * @param v [batch, kvHeads, keys, headDim]
 * @param mask added to the scores; broadcasts to [batch, kvHeads, groups * tokens, keys]. Without one, every query sees
 *   every key
 * @param scale of the scores; 1 if the queries are scaled already
 * @returns [batch, kvHeads, groups * tokens, headDim]
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask?: Tensor,
  scale = 1 / Math.sqrt(q.shape.at(-1)!),
): Tensor {
  const sharedQueries = q.shape[1] === 1 && k.shape[1] !== 1;
  return withGradient(
    [q, k, v],
    (given, k, v) => {
      // Some of tf.js's own backends pair the wrong heads when a product broadcasts an axis in the middle.
      const q = sharedQueries && !isTracing() ? tf.tile(given, [1, k.shape[1]!, 1, 1]) : given;
      const scores = scaledMatMul(q, k, false, true, scale);
      const weights = tf.softmax(mask ? tf.add(scores, mask) : scores);
      const value = tf.matMul(weights, v);
      return { value, saved: [q, k, v, weights, value] };
    },
    (dy, [q, k, v, weights, value]) => {
      const dv = tf.matMul(weights, dy, true, false);
      const dWeights = tf.matMul(dy, v, false, true);
      // Σ_j dWeights * weights = Σ_d dy * value, a sum over the shorter axis (Dao et al., 2022, section 3.1).
      const rowSum = tf.sum(tf.mul(dy, value), -1, true);
      const dScores = tf.mul(weights, tf.sub(dWeights, rowSum));
      const dq = scaledMatMul(dScores, k, false, false, scale);
      return [sharedQueries ? tf.sum(dq, 1, true) : dq, scaledMatMul(dScores, q, true, false, scale), dv];
    },
  );
}

/** Large enough to mask a score, small enough that sums of it stay finite. */
const SILENCED = -1e9;

/**
 * The mask of causal attention over the same tokens: position t sees positions max(0, t - window + 1) … t.
 * @returns [groups * tokens, tokens]
 */
export function causalMask(tokens: number, groups: number, window = tokens): Tensor {
  const mask = new Float32Array(groups * tokens * tokens);
  for (let row = 0; row < groups * tokens; row++)
    for (let key = 0; key < tokens; key++) {
      const query = row % tokens;
      if (key > query || key <= query - window) mask[row * tokens + key] = SILENCED;
    }
  return tf.tensor(mask, [groups * tokens, tokens]);
}

/**
 * The mask for the padding of sequences that are shorter than their batch.
 * @param present [batch, tokens], 1 for a token, 0 for padding
 * @returns [batch, 1, 1, tokens]
 */
export function paddingMask(present: Tensor): Tensor {
  const [batch, tokens] = present.shape as [number, number];
  const silenced = tf.mul(tf.sub(1, tf.cast(present, 'float32')), SILENCED);
  return tf.reshape(silenced, [batch, 1, 1, tokens]);
}

/**
 * The mask for attention over a cache: query i of the call is at position `start + i`, key j at position j.
 * @param start int32 scalar, the position of the first query
 * @returns [groups * tokens, keys]
 */
export function cacheMask(start: Tensor, tokens: number, keys: number, groups: number, window = keys): Tensor {
  const queries = tf.reshape(tf.tile(tf.range(0, tokens, 1, 'int32'), [groups]), [groups * tokens, 1]);
  const position = tf.add(queries, start);
  const key = tf.reshape(tf.range(0, keys, 1, 'int32'), [1, keys]);
  const visible = tf.logicalAnd(
    tf.lessEqual(key, position),
    tf.greater(key, tf.sub(position, tf.scalar(window, 'int32'))),
  );
  return tf.where(visible, tf.zeros(visible.shape), tf.fill(visible.shape, SILENCED));
}

/**
 * The mask of causal attention where sequences share their beginning: a token sees shared tokens and those of its own
 * branch, up to its own position and within the window.
 * @param positions int32 [batch, tokens], each token's position in its own sequence
 * @param branches int32 [batch, tokens]; 0 is shared
 * @returns [batch, 1, groups * tokens, tokens]
 */
export function branchMask(positions: Tensor, branches: Tensor, groups: number, window?: number): Tensor {
  const [batch, tokens] = positions.shape as [number, number];
  const asQueries = (x: Tensor) => tf.reshape(x, [batch, tokens, 1]);
  const asKeys = (x: Tensor) => tf.reshape(x, [batch, 1, tokens]);
  const [position, key] = [asQueries(positions), asKeys(positions)];
  const known = tf.logicalOr(
    tf.equal(asKeys(branches), tf.scalar(0, 'int32')),
    tf.equal(asKeys(branches), asQueries(branches)),
  );
  const past = tf.logicalAnd(known, tf.lessEqual(key, position));
  const visible =
    window === undefined ? past : tf.logicalAnd(past, tf.greater(key, tf.sub(position, tf.scalar(window, 'int32'))));
  const mask = tf.where(visible, tf.zeros(visible.shape), tf.fill(visible.shape, SILENCED));
  return tf.reshape(tf.tile(mask, [1, groups, 1]), [batch, 1, groups * tokens, tokens]);
}
