import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom';
import { fusedAll, isTracing, isTracingForGpu, scaledMatMul } from './fused';

/** Sum over all axes but the last. */
const sumRows = (x: Tensor): Tensor =>
  tf.sum(
    x,
    Array.from({ length: x.rank - 1 }, (_, axis) => axis),
  );

/**
 * Root-mean-square normalization over the last axis (Zhang & Sennrich, 2019): y = x / sqrt(mean(x²) + epsilon) * weight.
 * @param x [..., d]
 * @param weight [d]
 */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return withGradient(
    [x, weight],
    (x, weight) => {
      const [value, inverse] = rmsNormForward(x, weight, epsilon);
      return { value, saved: [x, weight, inverse] };
    },
    (dy, [x, weight, inverse]) => {
      // With x̂ = x * inverse and g = dy * weight: dx = inverse * (g - x̂ * mean(g * x̂)), dweight = Σ dy * x̂.
      const normal = tf.mul(x, inverse);
      const product = tf.mul(dy, normal);
      const width = x.shape.at(-1)!;
      const rows = tf.reshape(product, [-1, width]);
      const mean = isTracingForGpu()
        ? scaledMatMul(rows, tf.reshape(weight, [width, 1]), false, false, 1 / width, { exact: true })
        : tf.matMul(rows, tf.reshape(tf.div(weight, width), [width, 1]));
      const projected = tf.sub(tf.mul(dy, weight), tf.mul(normal, tf.reshape(mean, inverse.shape)));
      return [tf.mul(projected, inverse), sumRows(product)];
    },
  );
}

function rmsNormForward(x: Tensor, weight: Tensor, epsilon: number): [Tensor, Tensor] {
  if (isTracing()) return fusedAll('FusedRmsNorm', { x, weight }, { epsilon }) as [Tensor, Tensor];
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
  return [tf.mul(tf.mul(x, inverse), weight), inverse];
}

/**
 * Layer normalization over the last axis (Ba et al., 2016): y = (x - mean) / sqrt(variance + epsilon) * weight + bias.
 * @param x [..., d]
 * @param weight [d]
 * @param bias [d]
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return withGradient(
    [x, weight, bias],
    (x, weight, bias) => {
      const [value, mean, inverse] = layerNormForward(x, weight, bias, epsilon);
      return { value, saved: [x, weight, mean, inverse] };
    },
    (dy, [x, weight, mean, inverse]) => {
      // With x̂ = (x - mean) * inverse and g = dy * weight: dx = inverse * (g - mean(g) - x̂ * mean(g * x̂)).
      const normal = tf.mul(tf.sub(x, mean), inverse);
      const g = tf.mul(dy, weight);
      const centered = tf.sub(g, tf.mean(g, -1, true));
      const projected = tf.sub(centered, tf.mul(normal, tf.mean(tf.mul(g, normal), -1, true)));
      return [tf.mul(projected, inverse), sumRows(tf.mul(dy, normal)), sumRows(dy)];
    },
  );
}

function layerNormForward(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): [Tensor, Tensor, Tensor] {
  if (isTracing()) return fusedAll('FusedLayerNorm', { x, weight, bias }, { epsilon }) as [Tensor, Tensor, Tensor];
  const mean = tf.mean(x, -1, true);
  const centered = tf.sub(x, mean);
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centered), -1, true), epsilon));
  return [tf.add(tf.mul(tf.mul(centered, inverse), weight), bias), mean, inverse];
}
