import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom';

/**
 * The rows of every item of a batch in another order: out[b, i] = x[b, order[b, i]]. Its gradient gathers as well, by the
 * inverse order, where that of a general gather would add row by row.
 * @param x [batch, rows, width]
 * @param order int32 [batch, rows]: each row number once
 */
export function permuteRows(x: Tensor, order: Tensor): Tensor {
  return withGradient(
    [x],
    (x) => ({ value: take(x, order), saved: [order] }),
    (dy, [order]) => [take(dy, inverseOrder(order))],
  );
}

/** Where each row went: inverse[b, order[b, i]] = i. [batch, rows] -> [batch, rows] */
export function inverseOrder(order: Tensor): Tensor {
  // The positions in the order of what stands there: smallest first, so the largest of the negated.
  const { indices } = tf.topk(tf.neg(tf.cast(order, 'float32')), order.shape[1]);
  return indices;
}

function take(x: Tensor, order: Tensor): Tensor {
  const [batch, rows, width] = x.shape as [number, number, number];
  const starts = tf.mul(tf.reshape(tf.range(0, batch, 1, 'int32'), [batch, 1]), tf.scalar(rows, 'int32'));
  const flat = tf.reshape(tf.add(order, starts), [batch * rows]);
  return tf.reshape(tf.gather(tf.reshape(x, [batch * rows, width]), flat), [batch, rows, width]);
}
