import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EagerRuntime } from '../../../core/engine/runtime/eager';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import { Training } from '../../../core/engine/known-training';
import { useWasm } from './wasm';

const STEPS = 3;

// The nearest thing to @tensorflow/tfjs-node-gpu that every machine has: a tf.js backend from a package of its own, which
// brings its own copy of tfjs-core and must still register with the engine inside Winnow's bundle.
it('a training step runs eagerly on a tf.js backend that is loaded from node_modules', async () => {
  await useWasm();
  const eager = new EagerRuntime('tensorflow', 'wasm');
  const traced = new OrtRuntime({ provider: 'cpu', threads: 2 });
  const [actual, expected] = [new Training(eager), new Training(traced)];
  const losses = await actual.train(STEPS);
  (await expected.train(STEPS)).forEach((value, i) => {
    assert.ok(
      Math.abs(losses[i]! - value) < 2e-4 * value,
      `loss or gradient norm ${i}: ${losses[i]} on wasm, ${value} on ONNX Runtime`,
    );
  });
  assert.ok(Math.abs((await actual.evaluate()) - (await expected.evaluate())) < 1e-3);
  await traced.dispose();
});
