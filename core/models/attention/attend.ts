import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { attention } from '../../engine/ops/attention';
import { blocksOf, type HeadGrouping } from '../../protocol/grouping';

/**
 * The outputs of all attention heads, concatenated in the order of `headPairs`, without repeating a shared head.
 * @param q [batch, tokens, queryHeads * headDim]
 * @param k [batch, keys, kvHeads * headDim]
 * @param v the same shape
 * @param mask added to the scores of a block, [queries of a block * tokens, keys], or one for each sequence,
 *   [batch, 1, queries of a block * tokens, keys]. Without one, every query sees every key
 * @returns [batch * tokens, heads * headDim]
 */
export function attendGrouped(grouping: HeadGrouping, q: Tensor, k: Tensor, v: Tensor, mask?: Tensor): Tensor {
  const perHead = (y: Tensor, count: number) => {
    const [batch, length, width] = y.shape as [number, number, number];
    return tf.transpose(tf.reshape(y, [batch, length, count, width / count]), [0, 2, 1, 3]);
  };
  const { queryHeads, kvHeads } = grouping;
  return attendHeads(grouping, perHead(q, queryHeads), perHead(k, kvHeads), perHead(v, kvHeads), { mask });
}

/**
 * The same, of heads.
 * @param q [batch, queryHeads, tokens, headDim]
 * @param k [batch, kvHeads, keys, headDim]
 * @param v the same shape
 * @param options.scale see `attention`
 */
export function attendHeads(
  grouping: HeadGrouping,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { mask, scale }: { readonly mask?: Tensor | undefined; readonly scale?: number } = {},
): Tensor {
  const { heads } = grouping;
  const { blocks, queries, keyValues } = blocksOf(grouping);
  const [batch, , tokens, headDim] = q.shape as [number, number, number, number];
  const keys = k.shape[2]!;
  // The query heads of a block are stacked along the rows, and attend to each of its key-value heads.
  const single = keyValues === 1;
  const rows = [queries * tokens, headDim];
  const asked = tf.reshape(q, single ? [batch, blocks, ...rows] : [batch * blocks, 1, ...rows]);
  const met = (y: Tensor) => (single ? y : tf.reshape(y, [batch * blocks, keyValues, keys, headDim]));
  // Blocks with several keys and values are stacked along the batch.
  const own =
    mask?.rank === 4 && !single
      ? tf.reshape(tf.tile(mask, [1, blocks, 1, 1]), [batch * blocks, 1, queries * tokens, keys])
      : mask;
  const out = attention(asked, met(k), met(v), own, scale);
  // If a block has one head of either kind, its pairs are in order already.
  const joined =
    queries === 1 || single
      ? tf.transpose(tf.reshape(out, [batch, heads, tokens, headDim]), [0, 2, 1, 3])
      : tf.transpose(tf.reshape(out, [batch, blocks, keyValues, queries, tokens, headDim]), [0, 4, 1, 3, 2, 5]);
  return tf.reshape(joined, [batch * tokens, heads * headDim]);
}
