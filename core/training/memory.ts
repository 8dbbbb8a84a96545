import type { Tensor } from '@tensorflow/tfjs-core';
import type { DType, Tree } from '../engine/host';
import type { Named } from '../engine/optimizer';
import { stepMemory, treeBytes, type StepDevice } from '../engine/step-memory';
import type { AnyStep, TensorSpec } from '../engine/tracing/trace';
import { trainingSteps, type StepOptions } from './steps';

/** Types and shapes of tensors, by name. */
export type Specs = Named<TensorSpec>;

export const spec = (dtype: DType, ...shape: number[]): TensorSpec => ({ dtype, shape });

/** float32 tensors of these shapes. */
export const specsOf = (shapes: Iterable<readonly [string, readonly number[]]>): Specs =>
  Object.fromEntries(Array.from(shapes, ([name, shape]) => [name, { dtype: 'float32', shape }]));

export interface TrainingShape<Batch> extends StepOptions<Batch> {
  readonly parameters: Specs;
  readonly frozen?: Specs;
  /** A micro-batch. */
  readonly batch: Tree<TensorSpec>;
  /** Micro-batches of a step. */
  readonly accumulate: number;
  /** The variants of the loss that occur in the training; default: only 0. */
  readonly variants?: readonly number[];
  /** Compiled evaluations of the model; default: 1. */
  readonly evaluations?: number;
}

/** The memory of a training on its device, bytes. */
export interface TrainingMemory {
  /** Weights, moments and what else stays on the device, in the buffers that steps read and those that they write. */
  readonly state: number;
  /** What steps and evaluations need on top of that: activations and gradients. */
  readonly steps: number;
  /** The part of it that is of the variants' steps. */
  readonly trained: number;
  /** In main memory: the weights as they were loaded, and a copy of the state while a checkpoint is written. */
  readonly copies: number;
}

const scalarSpecs = (names: readonly string[]): Specs =>
  Object.fromEntries(names.map((name) => [name, spec('float32')]));
const SCALARS = ['rate', 'epsilon', 'keep', 'averageKeep'];

/**
 * The memory of a training, from the graphs of its steps: nothing is computed and no weight is allocated. Every compiled step
 * keeps the memory that it once needed (ONNX Runtime has an arena for each session), so that of its steps is added up.
 */
export function trainingMemory<Batch>(training: TrainingShape<Batch>, device: StepDevice): TrainingMemory {
  const { parameters, frozen = {}, batch, accumulate, averageDecay = 0, variants = [0], evaluations = 1 } = training;
  const { precision } = device;
  const isScaled = precision === 'float16';
  const steps = trainingSteps({ ...training, precision });
  const scalars = scalarSpecs([...SCALARS, ...(isScaled ? ['unscale'] : [])]);
  const micro = { data: batch, ...(isScaled && { scale: spec('float32') }) };
  const moments = { m: parameters, v: parameters };
  const average = averageDecay > 0 ? parameters : {};
  const isSummed = accumulate > 1;
  const state = { parameters, moments, frozen, average, sums: isSummed ? parameters : {} };
  const memoryOf = (name: string, step: unknown, given: Tree<TensorSpec>) =>
    stepMemory(name, step as AnyStep, state, given, device);
  const forward = ({ parameters: values, frozen: others }: Record<string, Named<Tensor>>, data: Batch) => {
    const result = training.loss(values!, data, others!, variants[0]!);
    return { metrics: { loss: 'signals' in result ? result.loss : result } };
  };
  const trained = variants.map((variant) => {
    const { whole, accumulate: add } = steps.ofVariant(variant);
    return isSummed
      ? memoryOf('gradient accumulation', add, micro)
      : memoryOf('training step', whole, { ...micro, scalars });
  });
  const applied = isSummed ? [memoryOf('optimizer step', steps.apply, { share: spec('float32'), scalars })] : [];
  // An evaluation computes at least the forward pass of as large a batch.
  const evaluation = memoryOf('evaluation', forward, batch);
  const trainedBytes = trained.reduce((sum, { run }) => sum + run, 0);
  const own = treeBytes(parameters) + treeBytes(frozen);
  return {
    state: Math.max(...[...trained, ...applied].map((memory) => memory.state)),
    steps: trainedBytes + applied.reduce((sum, { run }) => sum + run, 0) + evaluations * evaluation.run,
    trained: trainedBytes,
    copies: own + treeBytes({ parameters, moments, average }),
  };
}

/** Main memory of a process that computes, without what it computes on, bytes: Node, tf.js and ONNX Runtime (measured). */
const PROCESS_BYTES = 120e6;

/** The memory that a training takes on its device, bytes. On the CPU, that is all of the process. */
export const deviceBytes = ({ state, steps, copies }: TrainingMemory, { provider }: StepDevice): number =>
  state + steps + (provider === 'cpu' ? copies + PROCESS_BYTES : 0);
