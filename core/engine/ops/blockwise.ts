import type { Tensor } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import { traceBlocks } from '../tracing/blocks';
import { isTracing } from './fused';

/**
 * Computes an element-wise function of several operators, on a CPU block by block: intermediate results stay in the
 * caches, so memory is traversed once and not once per operator. The results are the same to the bit.
 * @param inputs all of one shape
 * @param compute treats every element alike and keeps the shape; the only other tensors that it may use are scalars.
 *   Not differentiable
 * @throws RangeError if the inputs differ in shape
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
