import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { blockwise } from './blockwise';
import { withGradient } from './custom';
import { fused, isTracing } from './fused';

/** Exact Gaussian error linear unit (Hendrycks & Gimpel, 2016): x Φ(x). */
export function gelu(x: Tensor): Tensor {
  return withGradient(
    [x],
    (x) => ({ value: isTracing() ? fused('FusedGelu', { x }) : tf.mul(x, normalCdf(x)), saved: [x] }),
    (dy, [x]) => {
      const { dx } = blockwise({ dy, x }, ({ dy, x }) => {
        // d/dx x Φ(x) = Φ(x) + x φ(x), with the density φ(x) = exp(-x²/2) / √(2π).
        const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return { dx: tf.mul(dy, tf.add(normalCdf(x), tf.mul(x, density))) };
      });
      return [dx];
    },
  );
}

const normalCdf = (x: Tensor): Tensor => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);

/** The gate of SwiGLU (Shazeer, 2020): silu(gate) * up, silu(x) = x σ(x). Both [..., d]. */
export function siluGate(gate: Tensor, up: Tensor): Tensor {
  return withGradient(
    [gate, up],
    (gate, up) => {
      const sigma = tf.sigmoid(gate);
      const silu = tf.mul(gate, sigma);
      return { value: tf.mul(silu, up), saved: [up, sigma, silu] };
    },
    (dy, [up, sigma, silu]) => {
      const { dGate, dUp } = blockwise({ dy, up, sigma, silu }, ({ dy, up, sigma, silu }) => {
        // silu' = σ (1 + x (1 - σ)) = σ + silu - silu σ
        const slope = tf.add(sigma, tf.sub(silu, tf.mul(silu, sigma)));
        return { dGate: tf.mul(tf.mul(dy, up), slope), dUp: tf.mul(dy, silu) };
      });
      return [dGate, dUp];
    },
  );
}
