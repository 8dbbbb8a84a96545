import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../../core/engine/grad';
import { gelu } from '../../../core/engine/ops/activation';
import { recomputable, recomputing } from '../../../core/engine/ops/recompute';
import { stepMemory } from '../../../core/engine/step-memory';
import type { Runtime } from '../../../core/engine/runtime/runtime';
import { traceGraph } from '../../../core/engine/tracing/trace';
import { Draw, reference, traced } from '../engine/both';

const BLOCKS = 6;
const WIDTH = 16;
const WIDE = 64;
const ROWS = 32;

type Weights = Record<string, tf.Tensor>;
const draw = new Draw(3);
const shapes = Object.fromEntries(
  Array.from({ length: BLOCKS }, (_, i) => [
    [`b${i}.up`, [WIDTH, WIDE]],
    [`b${i}.down`, [WIDE, WIDTH]],
    // In the block by its name, but without a part in it.
    [`b${i}.unused`, [3]],
  ]).flat() as [string, number[]][],
);
const weights = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, draw.normal(...shape)]));
const x = draw.normal(ROWS, WIDTH);

/** A residual network and its gradients. */
const step = (recomputed: boolean) => (state: Weights, batch: { x: tf.Tensor }) => {
  const { loss, gradients } = recomputing(recomputed, () =>
    valueAndGradients(state, (own) => {
      let state: tf.Tensor = batch.x;
      for (let i = 0; i < BLOCKS; i++)
        state = recomputable(state, own, `b${i}.`, (h, values) => {
          const wide = gelu(tf.matMul(h, values[`b${i}.up`]!));
          return tf.add(h, tf.mul(tf.matMul(gelu(wide), values[`b${i}.down`]!), 0.01));
        });
      // The unused weights need a gradient as well.
      const rest = Object.keys(own).filter((name) => name.endsWith('unused'));
      return { loss: tf.addN([tf.sum(tf.square(state)), ...rest.map((name) => tf.sum(own[name]!))]), aux: {} };
    }),
  );
  return { metrics: { loss, ...gradients } };
};

async function run(runtime: Runtime, recomputed: boolean) {
  const program = runtime.compile<Weights, { x: tf.Tensor }, Weights>('network', step(recomputed));
  return program.run(runtime.upload<Weights>(weights), { x });
}

describe('recomputation in the backward pass', () => {
  after(() => traced.dispose());

  for (const [name, runtime] of [
    ['a traced step', traced],
    ['a step that runs eagerly', reference],
  ] as const)
    it(`changes no bit of the loss and the gradients of ${name}`, async () => {
      const usual = await run(runtime, false);
      const recomputed = await run(runtime, true);
      for (const [key, { data }] of Object.entries(usual)) assert.deepEqual(recomputed[key]!.data, data, key);
    });

  it('keeps of a block only its input until the backward pass', () => {
    const specs = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'float32' as const, shape }]),
    );
    const batch = { x: { dtype: 'float32' as const, shape: [ROWS, WIDTH] } };
    const device = { provider: 'cpu', threads: 1 } as const;
    const memoryOf = (recomputed: boolean) => stepMemory('network', step(recomputed), specs, batch, device).run;
    // Of every block: its input, and in the middle of it the results of a product and two activations.
    const [input, inside] = [4 * ROWS * WIDTH, 3 * 4 * ROWS * WIDE];
    const saved = memoryOf(false) - memoryOf(true);
    assert.ok(saved > (BLOCKS - 2) * inside && saved < BLOCKS * (inside + 2 * input), String(saved));
  });

  it('computes a block a second time only after its gradient is known', () => {
    const specs = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'float32' as const, shape }]),
    );
    const batch = { x: { dtype: 'float32' as const, shape: [ROWS, WIDTH] } };
    const count = (recomputed: boolean) => {
      const { graph } = traceGraph('network', step(recomputed), specs, batch, { blockSize: 0, target: 'cpu' });
      return graph.sizes().nodes.filter(({ opType }) => opType === 'Gelu').length;
    };
    assert.equal(count(false), 2 * BLOCKS);
    // The second activation is only recomputed because the gradient of the weights needs it.
    assert.equal(count(true), 4 * BLOCKS);
  });

  it('outside of a step that asks for it changes nothing', () => {
    const [value, twice] = tf.tidy(() => {
      void tf.setBackend('cpu');
      const input = tf.tensor1d([1, 2]);
      return [input, recomputable(input, {}, '', (h) => tf.mul(h, 2))].map((tensor) => [...tensor.dataSync()]);
    });
    assert.deepEqual(
      [value, twice],
      [
        [1, 2],
        [2, 4],
      ],
    );
  });
});
