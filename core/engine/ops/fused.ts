import type { NamedAttrMap, NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { BACKEND, backend } from '../tracing/backend';

/** Whether operators are being traced into a graph, where fused kernels exist, and not computed by a tf.js backend. */
export const isTracing = (): boolean => tf.getBackend() === BACKEND;

/** Whether operators are being traced into a graph for a GPU, where the number of nodes counts. */
export const isTracingForGpu = (): boolean => isTracing() && backend.target !== 'cpu';

/** Runs a kernel of the tracing backend (../tracing/kernels/fused) with one result. */
export const fused = (name: string, inputs: NamedTensorMap, attributes: NamedAttrMap = {}): Tensor =>
  tf.engine().runKernel(name, inputs, attributes);

/** The same, for a kernel with several results. */
export function fusedAll(name: string, inputs: NamedTensorMap, attributes: NamedAttrMap = {}): Tensor[] {
  const results: Tensor | Tensor[] = tf.engine().runKernel(name, inputs, attributes);
  return Array.isArray(results) ? results : [results];
}

/** alpha * op(a) op(b), without a separate pass for alpha. @param options.exact in float32, in whatever precision others are */
export function scaledMatMul(
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
  alpha: number,
  { exact = false }: { readonly exact?: boolean } = {},
): Tensor {
  if (isTracing()) return fused('ScaledMatMul', { a, b }, { transposeA, transposeB, alpha, exact });
  return tf.mul(tf.matMul(a, b, transposeA, transposeB), alpha);
}
