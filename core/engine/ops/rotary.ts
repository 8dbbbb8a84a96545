import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom';
import { fused, isTracing } from './fused';

/**
 * Rotary position embedding (Su et al., 2021) in the half-split layout of Hugging Face's Llama: dimension i of a head is
 * rotated together with dimension i + headDim/2.
 * @param x [batch, tokens, heads * headDim]
 * @param positions int32 [batch, tokens], rows of the two tables
 * @param cos [maxPositions, headDim / 2]
 * @param sin the same shape
 */
export function rotary(x: Tensor, positions: Tensor, cos: Tensor, sin: Tensor): Tensor {
  // The gradient of a rotation is the inverse rotation.
  return withGradient(
    [x],
    (x) => ({ value: rotate(x, positions, cos, sin), saved: [positions, cos, sin] }),
    (dy, [positions, cos, sin]) => [rotate(dy, positions, cos, tf.neg(sin))],
  );
}

function rotate(x: Tensor, positions: Tensor, cos: Tensor, sin: Tensor): Tensor {
  if (isTracing()) return fused('FusedRotary', { x, positions, cos, sin });
  const [batch, tokens, width] = x.shape as [number, number, number];
  const half = cos.shape[1]!;
  const heads = tf.reshape(x, [batch, tokens, width / (2 * half), 2 * half]);
  const [first, second] = tf.split(heads, 2, -1) as [Tensor, Tensor];
  const [c, s] = [cos, sin].map((table) =>
    tf.reshape(tf.gather(table, positions as tf.Tensor2D), [batch, tokens, 1, half]),
  );
  const rotated = tf.concat(
    [tf.sub(tf.mul(first, c!), tf.mul(second, s!)), tf.add(tf.mul(second, c!), tf.mul(first, s!))],
    -1,
  );
  return tf.reshape(rotated, x.shape);
}
