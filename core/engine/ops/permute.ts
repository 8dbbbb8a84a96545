import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom';

/**
 * Reorders the rows of every item of a batch: out[b, i] = x[b, order[b, i]]. Its gradient is a gather as well, by the
 * inverse order; that of a general gather would add row by row.
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
  // Argsort of `order`: topk gives the largest first, hence the negation.
  const { indices } = tf.topk(tf.neg(tf.cast(order, 'float32')), order.shape[1]);
  return indices;
}

function take(x: Tensor, order: Tensor): Tensor {
  const [batch, rows, width] = x.shape as [number, number, number];
  const starts = tf.mul(tf.reshape(tf.range(0, batch, 1, 'int32'), [batch, 1]), tf.scalar(rows, 'int32'));
  const flat = tf.reshape(tf.add(order, starts), [batch * rows]);
  return tf.reshape(tf.gather(tf.reshape(x, [batch * rows, width]), flat), [batch, rows, width]);
}
