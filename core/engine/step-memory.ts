import { sizeOf, flatten, type Tree } from './host';
import { peakBytes, totalBytes } from './onnx/liveness';
import { traceOptionsOf } from './runtime/ort';
import type { Precision, Provider } from './runtime/runtime';
import { isSpec, traceGraph, type AnyStep, type TensorSpec } from './tracing/trace';

/** The memory of one run of a step, bytes. */
export interface StepMemory {
  /** What stays between runs: the state, and the second set of buffers for what the step changes. */
  readonly state: number;
  /** What the step needs on top of that: its batch, constants, results, and the most intermediate results at once. */
  readonly run: number;
}

export interface StepDevice {
  readonly provider: Exclude<Provider, 'tensorflow'>;
  readonly threads: number;
  /** Of training steps. */
  readonly precision?: Precision | undefined;
}

const BYTES = { float32: 4, int32: 4, bool: 1 } as const;
const bytesOf = ({ dtype, shape }: TensorSpec): number => BYTES[dtype] * sizeOf(shape);

/** The memory of a tree of tensors, bytes. */
export const treeBytes = (tree: Tree<TensorSpec>): number =>
  flatten(tree, isSpec).reduce((sum, [, spec]) => sum + bytesOf(spec), 0);

/**
 * The memory that a step takes, from its traced graph and the order in which ONNX Runtime executes it. Nothing is computed, and no
 * tensor of the state or the batch is allocated.
 *
 * The allocator's rounding and fragmentation, and what operators need inside, are left out.
 */
export function stepMemory(
  name: string,
  step: AnyStep,
  state: Tree<TensorSpec>,
  batch: Tree<TensorSpec>,
  device: StepDevice,
): StepMemory {
  const { graph, updates, metrics } = traceGraph(name, step, state, batch, traceOptionsOf(device));
  const sizes = graph.sizes();
  const specsBytes = (bindings: typeof updates) => bindings.reduce((sum, { spec }) => sum + bytesOf(spec), 0);
  return {
    state: treeBytes(state) + specsBytes(updates),
    run: treeBytes(batch) + totalBytes(sizes.constants) + specsBytes(metrics) + peakBytes(sizes),
  };
}
