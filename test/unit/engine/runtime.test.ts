import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../core/errors';
import { f32, i32, item, scalar } from '../../../core/engine/host';
import { createRuntime } from '../../../core/engine/runtime/create';
import type { Runtime } from '../../../core/engine/runtime/runtime';
import { assertClose, Draw, reference, traced } from './both';
import { Training } from '../../../core/engine/known-training';

type Pair = Record<'a' | 'b', Tensor>;
type Empty = Record<string, never>;

const numbersOf = (tensor: { data: ArrayLike<number> }) => Array.from(tensor.data);

describe('training a small transformer', () => {
  after(() => traced.dispose());

  it('gives the same bits each time, on two threads', async () => {
    const runs = [new Training(traced), new Training(traced)] as const;
    // Taken in turns, so that neither run may depend on what the other left in memory.
    const losses: [number[], number[]] = [[], []];
    for (let round = 0; round < 5; round++)
      for (const [i, run] of runs.entries()) losses[i]!.push(...(await run.train(5)));
    assert.deepEqual(losses[0], losses[1]);
    assert.deepEqual(await runs[0].numbers(), await runs[1].numbers());
  });

  it('follows tf.js on the CPU, and the loss falls', async () => {
    const steps = 6;
    const actual = await new Training(traced).train(steps);
    const expected = await new Training(reference).train(steps);
    assertClose(f32([2 * steps], actual), f32([2 * steps], expected), 'losses and gradient norms', {
      relative: 2e-4,
      absolute: 0,
    });
    assert.ok(actual[0]! - actual[2 * steps - 2]! > 0.1, `losses ${actual.join(' ')}`);
  });

  it('shows each step to another program on the same parameters', async () => {
    const training = new Training(traced);
    for (let step = 0; step < 3; step++) {
      const before = await training.evaluate();
      const [loss] = await training.train(1);
      assertClose(scalar(before), scalar(loss!), `evaluation before step ${step}`);
    }
  });
});

for (const runtime of [traced, reference] as Runtime[])
  describe(`state on the runtime '${runtime === traced ? 'ort' : 'eager'}'`, () => {
    after(() => runtime.dispose());

    const upload = () => runtime.upload<Pair>({ a: f32([2], [1, 2]), b: f32([2], [10, 20]) });
    const values = async (state: ReturnType<typeof upload>) => {
      const { a, b } = await runtime.download(state);
      return [numbersOf(a), numbersOf(b)];
    };

    it('advances in place; what a step leaves out stays', async () => {
      const program = runtime.compile<Pair, { by: Tensor }, { sum: Tensor }>('add', ({ a, b }, { by }) => ({
        state: { a: tf.add(a, by) },
        metrics: { sum: tf.sum(tf.add(a, b)) },
      }));
      const state = upload();
      assert.equal(item((await program.run(state, { by: scalar(1) })).sum), 33);
      assert.equal(item((await program.run(state, { by: scalar(5) })).sum), 35);
      assert.deepEqual(await values(state), [
        [7, 8],
        [10, 20],
      ]);
    });

    it('may be exchanged, duplicated and reshaped by a step', async () => {
      const exchange = runtime.compile<Pair, Empty, Empty>('exchange', ({ a, b }) => ({
        state: { a: b, b: a },
        metrics: {},
      }));
      const state = upload();
      for (let run = 0; run < 3; run++) await exchange.run(state, {});
      assert.deepEqual(await values(state), [
        [10, 20],
        [1, 2],
      ]);
      const duplicate = runtime.compile<Pair, Empty, Empty>('duplicate', ({ a }) => {
        const doubled = tf.mul(a, 2);
        return { state: { a: doubled, b: doubled }, metrics: {} };
      });
      await duplicate.run(state, {});
      assert.deepEqual(await values(state), [
        [20, 40],
        [20, 40],
      ]);
      const change = runtime.compile<Pair, Empty, Empty>('change one', ({ a }) => ({
        state: { b: tf.reshape(tf.reshape(a, [2, 1]), [2]), a: tf.add(a, 1) },
        metrics: {},
      }));
      await change.run(state, {});
      await change.run(state, {});
      assert.deepEqual(await values(state), [
        [22, 42],
        [21, 41],
      ]);
    });

    it('hands out metrics that later steps do not touch', async () => {
      const program = runtime.compile<Pair, Empty, { old: Tensor; new: Tensor }>('count', ({ a }) => {
        const next = tf.add(a, 1);
        return { state: { a: next }, metrics: { old: a, new: next } };
      });
      const state = upload();
      const first = await program.run(state, {});
      for (let run = 0; run < 4; run++) await program.run(state, {});
      assert.deepEqual(
        [numbersOf(first.old), numbersOf(first.new)],
        [
          [1, 2],
          [2, 3],
        ],
      );
    });

    it('is copied in and out', async () => {
      const data = Float32Array.of(1, 2);
      const state = runtime.upload<Pair>({ a: f32([2], data), b: f32([2], [0, 0]) });
      data[0] = 99;
      const first = await runtime.download(state);
      assert.deepEqual(numbersOf(first.a), [1, 2]);
      first.a.data[0] = 77;
      const program = runtime.compile<Pair, Empty, Empty>('add one', ({ a }) => ({
        state: { a: tf.add(a, 1) },
        metrics: {},
      }));
      await program.run(state, {});
      await program.run(state, {});
      assert.deepEqual(numbersOf((await runtime.download(state)).a), [3, 4]);
      assert.deepEqual(numbersOf(first.a), [77, 2]);
    });

    it('shares its tensors with branches and combinations', async () => {
      const state = runtime.upload<Record<'left' | 'right', Pair>>({
        left: { a: f32([1], [1]), b: f32([1], [2]) },
        right: { a: f32([1], [3]), b: f32([1], [4]) },
      });
      const add = runtime.compile<Pair, Empty, Empty>('add', ({ a, b }) => ({
        state: { a: tf.add(a, b) },
        metrics: {},
      }));
      await add.run(state.pick('left'), {});
      const crossed = runtime.combine<Record<'a' | 'b', Tensor>>({
        a: state.pick('right').pick('a'),
        b: state.pick('left').pick('a'),
      });
      await add.run(crossed, {});
      await add.run(crossed, {});
      const { left, right } = await runtime.download(state);
      assert.deepEqual([left.a, left.b, right.a, right.b].map(item), [3, 2, 9, 4]);
      // A name that only the data knows, as from a file.
      const missing = 'middle';
      assert.throws(() => state.pick(missing as 'left'), /no branch 'middle'/);
    });

    it('takes batches of other shapes and types', async () => {
      const program = runtime.compile<Empty, { x: Tensor }, { sum: Tensor }>('sum', (_, { x }) => ({
        metrics: { sum: tf.sum(x) },
      }));
      const state = runtime.upload<Empty>({});
      const draw = new Draw(11);
      for (const x of [
        f32([3], [1, 2, 3]),
        f32([2, 2], [1, 2, 3, 4]),
        i32([2], [5, 6]),
        draw.bools(9),
        f32([3], [4, 5, 6]),
      ]) {
        const { sum } = await program.run(state, { x });
        assert.equal(
          item(sum),
          numbersOf(x).reduce((a, b) => a + b, 0),
        );
        assert.equal(sum.dtype, x.dtype === 'float32' ? 'float32' : 'int32');
      }
    });

    it('belongs to its runtime', async () => {
      const other = runtime === traced ? reference : traced;
      const program = other.compile<Pair, Empty, Empty>('nothing', () => ({ metrics: {} }));
      await assert.rejects(program.run(upload(), {}), /belongs to another runtime/);
      await assert.rejects(other.download(upload()), /belongs to another runtime/);
    });
  });

describe('tracing', () => {
  after(() => traced.dispose());

  it('happens once for each set of shapes', async () => {
    let traces = 0;
    const program = traced.compile<Empty, { x: Tensor }, { y: Tensor }>('count', (_, { x }) => {
      traces += 1;
      return { metrics: { y: tf.add(x, 1) } };
    });
    const state = traced.upload<Empty>({});
    for (const length of [2, 3, 2, 3, 3, 2]) await program.run(state, { x: f32([length], new Float32Array(length)) });
    assert.equal(traces, 2);
  });

  it('leaves the tf.js backend as it was, also after an error', async () => {
    await tf.setBackend('cpu');
    const failing = traced.compile<Empty, Empty, { y: Tensor }>('failing', () => {
      throw new Error('deliberate');
    });
    await assert.rejects(failing.run(traced.upload<Empty>({}), {}), /step 'failing': deliberate/);
    assert.equal(tf.getBackend(), 'cpu');
    const sum = tf.add(tf.scalar(1), tf.scalar(2));
    assert.equal(sum.dataSync()[0], 3);
  });

  it('passes inputs and constants through as results', async () => {
    const program = traced.compile<Empty, { x: Tensor; flags: Tensor }, Record<string, Tensor>>(
      'pass',
      (_, { x, flags }) => ({
        metrics: {
          x,
          again: x,
          flags,
          constant: tf.tensor1d([4, 5, 6], 'int32'),
          zeros: tf.zeros([100]),
          scalar: tf.scalar(7),
        },
      }),
    );
    const x = f32([2], [1, 2]);
    const results = await program.run(traced.upload<Empty>({}), { x, flags: new Draw(12).bools(3) });
    assert.deepEqual(numbersOf(results.x!), [1, 2]);
    assert.deepEqual(numbersOf(results.again!), [1, 2]);
    assert.deepEqual(numbersOf(results.flags!), numbersOf(new Draw(12).bools(3)));
    assert.deepEqual(numbersOf(results.constant!), [4, 5, 6]);
    assert.deepEqual(
      numbersOf(results.zeros!),
      Array.from({ length: 100 }, () => 0),
    );
    assert.equal(item(results.scalar!), 7);
  });
});

describe('createRuntime', () => {
  it('gives the CPU by default', async () => {
    const runtime = createRuntime({ threads: 1 });
    assert.equal(runtime.provider, 'cpu');
    await runtime.dispose();
  });

  it('says in one sentence how to get the optional TensorFlow runtime', () => {
    assert.throws(
      () => createRuntime({ provider: 'tensorflow' }),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.code, 'device.tensorflow-missing');
        assert.match(error.message, /@tensorflow\/tfjs-node-gpu.*not installed/);
        assert.match(error.hint, /winnow runtime install tensorflow/);
        return true;
      },
    );
  });
});
