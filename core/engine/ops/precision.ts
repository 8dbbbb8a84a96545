import { backend, TraceError } from '../tracing/backend';
import type { Precision } from '../tracing/precision';
import { isTracingForGpu } from './fused';

/**
 * Computes something with matrix products and activations in another precision (../tracing/precision). In float16, gradients are
 * computed of a loss that is scaled (Micikevicius et al., 2018): small ones would be lost, and large ones become infinite.
 * Synchronous, as steps are.
 * @throws TraceError for float16 anywhere but in a graph for a GPU
 */
export function inPrecision<T>(precision: Precision, compute: () => T): T {
  if (precision === 'float32') return compute();
  if (!isTracingForGpu()) throw new TraceError(`only steps that are compiled for a GPU are computed in ${precision}`);
  return backend.inPrecision(precision, compute);
}
