import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { mapValues, sizeOf } from '../host';
import type { Value } from '../onnx/graph';
import { backend, tensorInfo } from './backend';
import { reshape } from './kernels/shape';

/**
 * How long the blocks are that `size` numbers are cut into: a divisor of it, as near below `wanted` as there is one.
 * @returns undefined where it is too small to be cut, or has no divisor within a factor of four
 */
export function blockLength(size: number, wanted: number): number | undefined {
  if (size < 2 * wanted) return undefined;
  for (let blocks = Math.ceil(size / wanted); blocks <= (4 * size) / wanted; blocks++)
    if (size % blocks === 0) return size / blocks;
  return undefined;
}

/**
 * Traces an element-wise function of tensors of one shape as ONNX's Scan over blocks of them.
 * @returns undefined where the tensors are not cut; then the function is to be traced as it is
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
