import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { BACKEND } from '../../../core/engine/tracing/backend';
import { traced } from './both';
import { ALL, assertParity } from './kernels/all';

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
    assert.deepEqual(registered.toSorted(), Object.keys(ALL).toSorted());
  });

  for (const [name, cases] of Object.entries(ALL))
    it(`${name} agrees with tf.js on the CPU`, async () => {
      const calls = await callsOf(name, () => assertParity(traced, name, cases));
      // tf.js answers some calls itself (a transposition that moves nothing), never all of them.
      assert.ok(calls > 0, 'the cases never reach the kernel');
    });
});
