import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom';
import { fused, isTracing } from './fused';

/**
 * Softmax cross-entropy of every row, in nats: -log softmax(logits[i])[targets[i]].
 * @param logits [N, classes]
 * @param targets int32 [N]; a negative target is ignored: its loss and its gradient are zero
 * @returns [N]
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  const counted = tf.cast(tf.greaterEqual(targets, tf.scalar(0, 'int32')), 'float32');
  const columns = tf.maximum(targets, tf.scalar(0, 'int32'));
  return withGradient(
    [logits],
    (logits) => {
      const logProbability = isTracing() ? fused('LogSoftmax', { logits }) : tf.logSoftmax(logits);
      const picked = isTracing()
        ? fused('PickColumn', { x: logProbability, columns })
        : tf.sum(tf.mul(logProbability, oneHot(columns, logits)), -1);
      return { value: tf.neg(tf.mul(picked, counted)), saved: [logProbability, columns, counted] };
    },
    (dy, [logProbability, columns, counted]) => {
      // softmax - onehot, each row weighted by the gradient of its loss.
      return [tf.mul(errorsOf(logProbability, columns), tf.reshape(tf.mul(dy, counted), [-1, 1]))];
    },
  );
}

/** softmax - onehot, from the logarithm of softmax. [N, classes], int32 [N] -> [N, classes] */
function errorsOf(logProbability: Tensor, columns: Tensor): Tensor {
  const probability = tf.exp(logProbability);
  return isTracing()
    ? fused('AddAtColumn', { x: probability, columns, updates: tf.fill(columns.shape, -1) })
    : tf.sub(probability, oneHot(columns, probability));
}

/**
 * ‖softmax(logits[i]) - onehot(targets[i])‖₂ of every row, for statistics: not differentiable. It costs little next to
 * `crossEntropy` of the same logits, whose gradient needs the same difference.
 * @param logits [N, classes]
 * @param targets int32 [N]; the norm is 0 where a target is negative
 * @returns [N]
 */
export function errorNorms(logits: Tensor, targets: Tensor): Tensor {
  const columns = tf.maximum(targets, tf.scalar(0, 'int32'));
  const logProbability = isTracing() ? fused('LogSoftmax', { logits }) : tf.logSoftmax(logits);
  const norms = tf.sqrt(tf.sum(tf.square(errorsOf(logProbability, columns)), -1));
  return tf.mul(norms, tf.cast(tf.greaterEqual(targets, tf.scalar(0, 'int32')), 'float32'));
}

/** Mean cross-entropy over the targets that are not ignored: a scalar. */
export function meanCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  const counted = tf.sum(tf.cast(tf.greaterEqual(targets, tf.scalar(0, 'int32')), 'float32'));
  return tf.div(tf.sum(crossEntropy(logits, targets)), tf.maximum(counted, 1));
}

/**
 * Cross-entropy against a distribution over the classes (smoothed or mixed labels): -Σ_c targets[i, c] log softmax.
 * @param logits [N, classes]
 * @param targets [N, classes], rows that sum to one
 * @returns [N]
 */
export function softCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return withGradient(
    [logits],
    (logits) => {
      const logProbability = isTracing() ? fused('LogSoftmax', { logits }) : tf.logSoftmax(logits);
      return { value: tf.neg(tf.sum(tf.mul(targets, logProbability), -1)), saved: [logProbability, targets] };
    },
    (dy, [logProbability, targets]) => [tf.mul(tf.sub(tf.exp(logProbability), targets), tf.reshape(dy, [-1, 1]))],
  );
}

const oneHot = (columns: Tensor, like: Tensor): Tensor =>
  tf.cast(tf.oneHot(columns as tf.Tensor1D, like.shape[1]!), 'float32');

/** 1 where the largest logit of a row is its target, otherwise 0; 0 for ignored targets. [N, classes], [N] -> [N] */
export function hits(logits: Tensor, targets: Tensor): Tensor {
  return tf.cast(tf.equal(tf.argMax(logits, -1), targets), 'float32');
}
