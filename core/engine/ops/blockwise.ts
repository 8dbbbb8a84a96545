import type { Tensor } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import { traceBlocks } from '../tracing/blocks';
import { isTracing } from './fused';

/**
 * An element-wise function of several operators, a block of its tensors at a time where a processor computes it: what lies
 * between the operators stays in the caches, so that memory is passed over once and not once for each operator. The
 * results are the same to the bit.
 * @param inputs of one shape
 * @param compute treats every element alike and keeps the shape; of other tensors it may use scalars only. Not differentiable
 * @throws RangeError for inputs of several shapes
 */
export function blockwise<Input extends string, Result extends string>(
  inputs: Readonly<Record<Input, Tensor>>,
  compute: (blocks: Record<Input, Tensor>) => Record<Result, Tensor>,
): Record<Result, Tensor> {
  const [first, ...others] = Object.values<Tensor>(inputs);
  for (const { shape } of others)
    if (!util.arraysEqual(shape, first!.shape))
      throw new RangeError(`blockwise: shapes [${shape.join(', ')}] and [${first!.shape.join(', ')}] differ`);
  return (isTracing() ? traceBlocks(inputs, compute) : undefined) ?? compute(inputs);
}
