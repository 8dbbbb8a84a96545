import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { blockwise } from './blockwise';
import { withGradient } from './custom';
import { fused, isTracing, isTracingForGpu } from './fused';

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

/** `siluGate` of the two halves of the last axis, first the gate. [N, 2 d] -> [N, d] */
export function siluGateOfHalves(halves: Tensor): Tensor {
  const [rows, width] = [halves.shape[0], halves.shape[1]! / 2];
  return withGradient(
    [halves],
    (halves) => {
      const [gate, up] = tf.split(halves, 2, 1) as [Tensor, Tensor];
      const sigma = tf.sigmoid(gate);
      const silu = tf.mul(gate, sigma);
      const value = tf.mul(silu, up);
      return { value, saved: [up, sigma, silu, value] };
    },
    (dy, [up, sigma, silu, value]) => {
      const slopes = tf.concat([gateSlope(up, sigma, value), silu], 1);
      const both = tf.mul(tf.reshape(slopes, [rows, 2, width]), tf.reshape(dy, [rows, 1, width]));
      return [tf.reshape(both, [rows, 2 * width])];
    },
  );
}

/** up silu' = up (σ + silu (1 - σ)) = value + σ (up - value), with value = silu up. */
const gateSlope = (up: Tensor, sigma: Tensor, value: Tensor): Tensor => tf.add(value, tf.mul(sigma, tf.sub(up, value)));

/** The gate of SwiGLU (Shazeer, 2020): silu(gate) * up, silu(x) = x σ(x). Both [..., d]. */
export function siluGate(gate: Tensor, up: Tensor): Tensor {
  return withGradient(
    [gate, up],
    (gate, up) => {
      const sigma = tf.sigmoid(gate);
      const silu = tf.mul(gate, sigma);
      const value = tf.mul(silu, up);
      return { value, saved: [up, sigma, silu, value] };
    },
    (dy, [up, sigma, silu, value]) => {
      // An operator less; the bits differ.
      if (isTracingForGpu()) return [tf.mul(dy, gateSlope(up, sigma, value)), tf.mul(dy, silu)];
      const { dGate, dUp } = blockwise({ dy, up, sigma, silu }, ({ dy, up, sigma, silu }) => {
        // silu' = σ (1 + x (1 - σ)) = σ + silu - silu σ
        const slope = tf.add(sigma, tf.sub(silu, tf.mul(silu, sigma)));
        return { dGate: tf.mul(tf.mul(dy, up), slope), dUp: tf.mul(dy, silu) };
      });
      return [dGate, dUp];
    },
  );
}
