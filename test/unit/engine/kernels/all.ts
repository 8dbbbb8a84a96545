import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../../core/engine/host';
import type { Runtime } from '../../../../core/engine/runtime/runtime';
import { assertClose, CLOSE, reference, type Tolerance } from '../both';
import type { Case, Cases } from './case';
import { elementwise } from './elementwise';
import { fused } from './fused';
import { indexing } from './indexing';
import { reduce } from './reduce';
import { shape } from './shape';

export const ALL: Cases = { ...elementwise, ...reduce, ...shape, ...indexing, ...fused };

/** The results of all cases, which are computed as one step. */
async function resultsOf(runtime: Runtime, name: string, cases: readonly Case[]): Promise<HostTensor[][]> {
  type Batch = Record<'inputs', tf.Tensor[][]>;
  const program = runtime.compile<Record<string, never>, Batch, { results: tf.Tensor[][] }>(name, (_, { inputs }) => ({
    metrics: {
      results: cases.map(({ run }, i) => {
        const results = run(...inputs[i]!);
        return results instanceof tf.Tensor ? [results] : [...results];
      }),
    },
  }));
  const state = runtime.upload<Record<string, never>>({});
  const { results } = await program.run(state, { inputs: cases.map(({ inputs }) => [...inputs]) });
  return results;
}

/** What tf.js computes on the CPU for every case of a kernel. */
export const expectedOf = (name: string, cases: readonly Case[]): Promise<HostTensor[][]> =>
  resultsOf(reference, name, cases);

/** Compares every case of a kernel on a runtime with what tf.js computes on the CPU. */
export async function assertParity(
  runtime: Runtime,
  name: string,
  cases: readonly Case[],
  { loosest = CLOSE, expected }: { readonly loosest?: Tolerance; readonly expected?: HostTensor[][] } = {},
): Promise<void> {
  const wanted = expected ?? (await expectedOf(name, cases));
  const actual = await resultsOf(runtime, name, cases);
  cases.forEach(({ inputs, tolerance = CLOSE }, i) => {
    const what = `${name}, case ${i} on ${inputs.map((input) => `[${input.shape.join(', ')}]`).join(' ')}`;
    const allowed = {
      relative: Math.max(tolerance.relative, loosest.relative),
      absolute: Math.max(tolerance.absolute, loosest.absolute),
    };
    if (actual[i]!.length !== wanted[i]!.length) throw new Error(`${what}: ${actual[i]!.length} results`);
    wanted[i]!.forEach((tensor, k) => {
      assertClose(actual[i]![k]!, tensor, what, allowed);
    });
  });
}
