import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { BACKEND } from '../../../core/engine/tracing/backend';
import { assertClose, CLOSE, reference, traced } from './both';
import type { Case, Cases } from './kernels/case';
import { elementwise } from './kernels/elementwise';
import { fused } from './kernels/fused';
import { indexing } from './kernels/indexing';
import { reduce } from './kernels/reduce';
import { shape } from './kernels/shape';

const all: Cases = { ...elementwise, ...reduce, ...shape, ...indexing, ...fused };

/** All cases of a kernel as one step. */
const step = (cases: readonly Case[]) => (_: Record<string, never>, batch: { inputs: tf.Tensor[][] }) => ({
  metrics: {
    results: cases.map(({ run }, i): readonly tf.Tensor[] => {
      const results = run(...batch.inputs[i]!);
      return results instanceof tf.Tensor ? [results] : results;
    }),
  },
});

/** Runs `compute` and returns how often the tracing backend's kernel was called meanwhile. */
async function callsOf(kernelName: string, compute: () => Promise<void>): Promise<number> {
  const kernel = tf.getKernel(kernelName, BACKEND);
  const original = kernel.kernelFunc;
  let calls = 0;
  kernel.kernelFunc = (parameters) => {
    calls += 1;
    return original(parameters);
  };
  await compute();
  kernel.kernelFunc = original;
  return calls;
}

describe('every kernel of the tracing backend', () => {
  after(() => traced.dispose());

  it('has cases here', () => {
    const registered = tf.getKernelsForBackend(BACKEND).map(({ kernelName }) => kernelName);
    assert.deepEqual(registered.toSorted(), Object.keys(all).toSorted());
  });

  for (const [name, cases] of Object.entries(all))
    it(`${name} agrees with tf.js on the CPU`, async () => {
      const batch = { inputs: cases.map(({ inputs }) => [...inputs]) };
      const run = async (runtime: typeof traced | typeof reference) => {
        const { results } = await runtime.compile(name, step(cases)).run(runtime.upload({}), batch);
        return results;
      };
      const expected = await run(reference);
      const calls = await callsOf(name, async () => {
        const actual = await run(traced);
        cases.forEach(({ inputs, tolerance = CLOSE }, i) => {
          const what = `case ${i} on ${inputs.map((input) => `[${input.shape.join(', ')}]`).join(' ')}`;
          assert.equal(actual[i]!.length, expected[i]!.length, what);
          expected[i]!.forEach((tensor, k) => {
            assertClose(actual[i]![k]!, tensor, what, tolerance);
          });
        });
      });
      // tf.js answers some calls itself (a transposition that moves nothing), never all of them.
      assert.ok(calls > 0, 'the cases never reach the kernel');
    });
});
