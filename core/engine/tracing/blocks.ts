import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { mapValues, sizeOf } from '../host';
import type { Value } from '../onnx/graph';
import { backend, tensorInfo } from './backend';
import { reshape } from './kernels/shape';

/**
 * The length of the blocks that `size` elements are split into: the largest divisor of `size` that is at most `wanted`.
 * @returns undefined if `size` is too small to be split, or has no divisor within a factor of four
 */
export function blockLength(size: number, wanted: number): number | undefined {
  if (size < 2 * wanted) return undefined;
  for (let blocks = Math.ceil(size / wanted); blocks <= (4 * size) / wanted; blocks++)
    if (size % blocks === 0) return size / blocks;
  return undefined;
}

/**
 * Traces an element-wise function of tensors of one shape as an ONNX Scan over blocks of them.
 * @returns undefined if the tensors are not split; then the function has to be traced as it is
 */
export function traceBlocks<Input extends string, Result extends string>(
  inputs: Readonly<Record<Input, Tensor>>,
  compute: (blocks: Record<Input, Tensor>) => Record<Result, Tensor>,
): Record<Result, Tensor> | undefined {
  const { tracing: graph, blockSize } = backend;
  const { shape } = Object.values<Tensor>(inputs)[0]!;
  const size = sizeOf(shape);
  const length = blockSize > 0 ? blockLength(size, blockSize) : undefined;
  if (length === undefined) return undefined;
  const body = graph.body();
  const whole = mapValues(inputs, (input) => reshape(graph, valueOf(input), [size / length, length]));
  const results = backend.within(body, () => {
    const made = compute(
      mapValues(whole, ({ element }, name) => tensorOf(body.input(`block/${name}`, element, [length]))),
    );
    return mapValues(made, (tensor) => body.output(valueOf(tensor)));
  });
  const names = Object.keys(results);
  const together = graph.scan(body, Object.values<Value>(whole));
  return mapValues(results, (_, name) => tensorOf(reshape(graph, together[names.indexOf(name)]!, shape)));
}

const tensorOf = (value: Value): Tensor => tf.engine().makeTensorFromTensorInfo(tensorInfo(value));
const valueOf = ({ dataId, shape }: Tensor): Value => ({ ...backend.valueFor(dataId), shape });
