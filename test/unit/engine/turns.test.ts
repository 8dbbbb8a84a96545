import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32, i32, item, scalar, type HostOf } from '../../../core/engine/host';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import { alike, sliceOf, stacked } from '../../../core/engine/turns';

type State = Readonly<Record<'x' | 'y' | 'small' | 'kept' | 'count' | 'unused', Tensor>>;
type Batch = Readonly<Record<'a' | 'ids' | 'unused', Tensor>>;

/** A buffer that several tensors share, one that is handed over as it is, one that only some turns read, and integers. */
const step = ({ x, y, small, kept, count }: State, { a, ids }: Batch) => ({
  state: { x: y, y: tf.add(x, tf.mul(a, kept)), small: tf.mul(small, 1.5), count: tf.add(count, ids) },
  metrics: { sum: tf.sum(y), row: tf.mul(y, small), many: { ids, is: tf.greater(x, 0) } },
});

const initial: HostOf<State> = {
  x: f32([3], [1, -2, 3]),
  y: f32([3], [4, 5, -6]),
  small: f32([], [2]),
  kept: f32([3], [0.1, 0.2, 0.3]),
  count: i32([2], [0, 7]),
  unused: f32([2], [8, 9]),
};
const batchOf = (turn: number, length = 3): HostOf<Batch> => ({
  a: f32(length === 3 ? [3] : [1], new Float32Array(length).fill(turn + 0.3)),
  ids: i32([2], [turn, -turn]),
  unused: scalar(turn),
});
const BATCHES = [0, 1, 2, 3, 4, 5].map((turn) => batchOf(turn));

for (const target of ['cuda', 'webgpu'] as const)
  describe(`several steps in one run of a graph for ${target}`, () => {
    const open = () => {
      const runtime = new OrtRuntime({ provider: 'cpu', target, threads: 1, holdsState: true });
      return { runtime, program: runtime.compile('step', step), state: runtime.upload<State>(initial) };
    };

    /** The metrics and the state after single steps. */
    async function oneByOne(batches: readonly HostOf<Batch>[]) {
      const { runtime, program, state } = open();
      const metrics: unknown[] = [];
      for (const batch of batches) metrics.push(await program.run(state, batch));
      const end = await runtime.download(state);
      await runtime.dispose();
      return { metrics, end };
    }

    for (const sizes of [[6], [1, 5], [2, 4], [3, 1, 2]])
      it(`gives the bits of single steps in runs of ${sizes.join(', ')}`, async () => {
        const { runtime, program, state } = open();
        const metrics: unknown[] = [];
        for (const size of sizes)
          metrics.push(...(await program.runMany(state, BATCHES.slice(metrics.length, metrics.length + size))));
        assert.deepEqual({ metrics, end: await runtime.download(state) }, await oneByOne(BATCHES));
        await runtime.dispose();
      });

    it('ends where the shapes of batches change', async () => {
      const { runtime, program, state } = open();
      const batches = [batchOf(0), batchOf(1), batchOf(2, 1), batchOf(3)];
      const first = await program.runMany(state, batches);
      assert.equal(first.length, 2);
      const rest = await program.runMany(state, batches.slice(2));
      assert.equal(rest.length, 1);
      const { metrics, end } = await oneByOne(batches.slice(0, 3));
      assert.deepEqual([...first, ...rest], metrics);
      assert.deepEqual(await runtime.download(state), end);
      await runtime.dispose();
    });

    it('ends with the step that is said to be the last, and the others leave no trace', async () => {
      const { runtime, program, state } = open();
      const sums: number[] = [];
      for (const { metrics } of [await oneByOne(BATCHES)])
        sums.push(...metrics.map((one) => item((one as { sum: ReturnType<typeof scalar> }).sum)));
      const found = await program.runMany(state, BATCHES, ({ sum }) => item(sum) === sums[2]);
      const { metrics, end } = await oneByOne(BATCHES.slice(0, 3));
      assert.deepEqual(found, metrics);
      assert.deepEqual(await runtime.download(state), end);
      // What is the last one anyway is not computed twice.
      assert.equal((await program.runMany(state, BATCHES.slice(3, 5), ({ sum }) => item(sum) === sums[4])).length, 2);
      await runtime.dispose();
    });

    it('is a single step without a batch', async () => {
      const { runtime, state } = open();
      const program = runtime.compile('double', ({ x }: State) => ({ state: { x: tf.mul(x, 2) }, metrics: {} }));
      assert.deepEqual(await program.runMany(state, [{}, {}]), [{}]);
      assert.deepEqual((await runtime.download(state)).x, f32([3], [2, -4, 6]));
      await runtime.dispose();
    });

    it('leaves the state as it was if it fails', async () => {
      const { runtime, state } = open();
      const program = runtime.compile('out of range', ({ x }: State, { ids }: Batch) => ({
        state: { x: tf.mul(x, 2) },
        metrics: { taken: tf.gather(x, ids) },
      }));
      await assert.rejects(program.runMany(state, [batchOf(0), { ...batchOf(1), ids: i32([2], [0, 100]) }]));
      assert.deepEqual(await runtime.download(state), initial);
      await runtime.dispose();
    });
  });

describe('a runtime that keeps its state on the device, or computes on the CPU', () => {
  it('does one step at a time', async () => {
    const runtime = new OrtRuntime({ provider: 'cpu', threads: 1 });
    assert.equal(runtime.holdsState, false);
    const state = runtime.upload<State>(initial);
    assert.equal((await runtime.compile('step', step).runMany(state, BATCHES)).length, 1);
    assert.equal(new OrtRuntime({ provider: 'webgpu', threads: 1 }).holdsState, false);
    assert.equal(new OrtRuntime({ provider: 'cpu', target: 'cuda', threads: 1 }).holdsState, true);
    await runtime.dispose();
  });
});

describe('tensors of several steps', () => {
  it('are put together and taken apart', () => {
    const [a, b] = [i32([2], [1, 2]), i32([2], [3, 4])];
    const both = stacked([a, b]);
    assert.deepEqual(both, i32([2, 2], [1, 2, 3, 4]));
    assert.deepEqual([sliceOf(both, 0), sliceOf(both, 1)], [a, b]);
    assert.equal(stacked([a]).data, a.data);
    assert.equal(alike([{ a }, { a: b }, { a: scalar(1) }]).length, 2);
  });
});
