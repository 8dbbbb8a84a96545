import type { HostTensor, HostTree, Tree } from './host';
import { emptyOf, host, isHostTensor, mapTree, sizeOf } from './host';
import type { TensorSpec } from './tracing/trace';

export const specsOfBatch = (batch: HostTree): Tree<TensorSpec> =>
  mapTree(batch, isHostTensor, ({ dtype, shape }): TensorSpec => ({ dtype, shape }));

/** The first batches, as far as they have the shapes of the very first. @param batches one or more */
export function alike(batches: readonly HostTree[]): readonly HostTree[] {
  const first = JSON.stringify(specsOfBatch(batches[0]!));
  const other = batches.findIndex((batch) => JSON.stringify(specsOfBatch(batch)) !== first);
  return other < 0 ? batches : batches.slice(0, other);
}

/** Tensors of one shape along a new first axis. A single tensor keeps its memory. */
export function stacked(tensors: readonly HostTensor[]): HostTensor {
  const { dtype, shape, data } = tensors[0]!;
  const all = [tensors.length, ...shape];
  if (tensors.length === 1) return host(dtype, all, data);
  const whole = emptyOf(dtype, all);
  for (const [index, tensor] of tensors.entries()) whole.data.set(tensor.data, index * data.length);
  return whole;
}

/** A slice along the first axis, in the same memory. */
export function sliceOf({ dtype, shape: [, ...shape], data }: HostTensor, index: number): HostTensor {
  const size = sizeOf(shape);
  return host(dtype, shape, data.subarray(index * size, (index + 1) * size));
}
