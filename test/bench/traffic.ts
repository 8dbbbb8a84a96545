import { sizeOf } from '../../core/engine/host';
import { traceOptionsOf } from '../../core/engine/runtime/ort';
import { traceGraph, type AnyStep, type Binding, type TensorSpec } from '../../core/engine/tracing/trace';
import { spec } from '../../core/training/memory';
import { trainingSteps } from '../../core/training/steps';
import { THREADS } from './model';
import type { Subject } from './subject';

/** What crosses the bus between main memory and the device, bytes. */
export interface Traffic {
  /** For a call: the state there and back. */
  readonly call: number;
  /** For a step: its batch there, its metrics back. */
  readonly step: number;
}

const WIDTH = { float32: 4, int32: 4, bool: 1 } as const;
const bytesOf = (bindings: readonly Pick<Binding, 'spec'>[]): number =>
  bindings.reduce((sum, { spec: { dtype, shape } }) => sum + WIDTH[dtype] * sizeOf(shape), 0);

/** The traffic of a training step on CUDA, from its graph. */
export function trafficOf({ loss, optimizer, parameters, batches }: Subject): Traffic {
  const { whole } = trainingSteps({ loss, optimizer }).ofVariant(0);
  const specs = Object.fromEntries(
    Object.entries(parameters).map(([name, { dtype, shape }]): [string, TensorSpec] => [name, { dtype, shape }]),
  );
  const data = Object.fromEntries(
    Object.entries(batches[0]!).map(([name, { dtype, shape }]): [string, TensorSpec] => [name, { dtype, shape }]),
  );
  const scalars = Object.fromEntries(['rate', 'epsilon', 'keep', 'averageKeep'].map((name) => [name, spec('float32')]));
  const state = { parameters: specs, moments: { m: specs, v: specs }, frozen: {}, average: {}, sums: {} };
  const { graph, inputs, updates, metrics } = traceGraph(
    'training step',
    whole as AnyStep,
    state,
    { data, scalars },
    traceOptionsOf({ provider: 'cuda', threads: THREADS }),
  );
  const used = new Set(graph.sizes().inputs.map(({ name }) => name));
  const given = inputs.filter(({ name }) => used.has(name));
  const ofState = given.filter(({ path }) => path.startsWith('state/'));
  return {
    call: bytesOf(ofState) + bytesOf(updates),
    step: bytesOf(given.filter((input) => !ofState.includes(input))) + bytesOf(metrics),
  };
}
