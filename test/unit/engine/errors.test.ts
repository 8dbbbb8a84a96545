import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../core/engine/host';
import { f32 } from '../../../core/engine/host';
import { attention } from '../../../core/engine/ops/attention';
import { rmsNorm } from '../../../core/engine/ops/norm';
import { reference, traced } from './both';

type Step = (x: Tensor, y: Tensor) => Tensor;

/** What a person reads when a step fails. */
async function messageOf(step: Step, x: HostTensor, y: HostTensor = f32([], [0])): Promise<string> {
  const program = traced.compile<Record<string, never>, { x: Tensor; y: Tensor }, { result: Tensor }>(
    'broken',
    (_, { x, y }) => ({
      metrics: { result: step(x, y) },
    }),
  );
  try {
    await program.run(traced.upload<Record<string, never>>({}), { x, y });
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
  return assert.fail('the step went through');
}

const of = (...shape: number[]) => f32(shape, new Float32Array(shape.reduce((n, m) => n * m, 1)));

/** Every message names the step first and, last, a line of this file. */
async function assertMessage(expected: RegExp, step: Step, x: HostTensor, y?: HostTensor): Promise<void> {
  const message = await messageOf(step, x, y);
  assert.match(message, /^step 'broken': /);
  assert.match(message, expected);
  assert.match(message, /\n {4}at .*errors\.test\.ts:\d+:\d+\)?$/);
}

describe('a mistake in a step is explained', () => {
  after(() => traced.dispose());

  it('a value is read', async () => {
    const expected = /tensor of shape \[2, 3\] is read inside the step.*return it among the metrics/;
    await assertMessage(expected, (x) => tf.mul(x, x.dataSync()[0]!), of(2, 3));
    await assertMessage(expected, (x) => tf.mul(x, x.bufferSync().get(0, 0)), of(2, 3));
  });

  it('an operator has no kernel', () =>
    assertMessage(
      /operator 'Acos' \(x: float32 \[4\]\) has no ONNX kernel in this version of Winnow/,
      (x) => tf.acos(x),
      of(4),
    ));

  it('shapes do not broadcast', () =>
    assertMessage(
      /operator 'Add' \(a: float32 \[2, 3\], b: float32 \[4\]\): shapes \[2, 3\] and \[4\] do not broadcast/,
      (x, y) => tf.add(x, y),
      of(2, 3),
      of(4),
    ));

  it('inner lengths of a product differ', () =>
    assertMessage(
      /operator 'BatchMatMul' \(a: float32 \[2, 3\], b: float32 \[4, 3\]\): matMul of \[2, 3\] and \[4, 3\]: inner lengths 3 and 4 differ/,
      (x, y) => tf.matMul(x, y),
      of(2, 3),
      of(4, 3),
    ));

  it('leading lengths of a product differ', () =>
    assertMessage(
      /operator 'BatchMatMul'.*shapes \[2\] and \[5\] do not broadcast/,
      (x, y) => tf.matMul(x, y),
      of(2, 3, 4),
      of(5, 4, 3),
    ));

  it('bools are added', () =>
    assertMessage(
      /operator 'Add' \(a: bool \[2\], b: bool \[2\]\): bool tensors are not numbers: cast them/,
      (x) => {
        const positive = tf.greater(x, 0);
        return tf.add(positive, positive);
      },
      of(2),
    ));

  it('what tf.js itself checks', () =>
    assertMessage(/Size\(6\) must match the product of shape 4/, (x) => tf.reshape(x, [4]), of(2, 3)));

  it('deep inside an operator made of others', () =>
    assertMessage(
      /operator 'ScaledMatMul'.*inner lengths 4 and 3 differ/,
      (q, k) => attention(q, k, k, tf.scalar(0)),
      of(1, 1, 2, 4),
      of(1, 1, 2, 3),
    ));

  it('in the backward pass of such an operator', () =>
    assertMessage(
      /operator 'Multiply'.*do not broadcast/,
      (x, weight) =>
        tf.grad((x: Tensor) =>
          tf.customGrad(() => ({ value: tf.sum(rmsNorm(x, weight, 1e-5)), gradFunc: () => tf.mul(x, tf.zeros([7])) }))(
            x,
          ),
        )(x),
      of(2, 3),
      of(3),
    ));

  it('something else is thrown', () =>
    assertMessage(
      /^step 'broken': my own mistake\n/,
      () => {
        throw new Error('my own mistake');
      },
      of(1),
    ));

  it('a tensor comes from outside', async () => {
    await tf.setBackend('cpu');
    const outside = tf.tensor1d([1, 2]);
    await assertMessage(
      /operator 'Add'.*made outside this step.*through the state or the batch/,
      (x) => tf.add(x, outside),
      of(2),
    );
    assert.match(await messageOf(() => outside, of(2)), /^step 'broken': a tensor that was made outside this step/);
  });

  it('a tensor comes from an earlier trace', async () => {
    const kept: Tensor[] = [];
    const leak = traced.compile<Record<string, never>, { x: Tensor }, { y: Tensor }>('leak', (_, { x }) => {
      kept.push(tf.keep(tf.add(x, 1)));
      return { metrics: { y: x } };
    });
    await leak.run(traced.upload<Record<string, never>>({}), { x: of(2) });
    await assertMessage(/operator 'Add'.*made outside this step/, (x) => tf.add(x, kept[0]!), of(2));
  });
});

describe('a mistake in the state that a step returns is explained', () => {
  after(() => traced.dispose());

  type State = Record<string, Tensor>;
  const messageFor = async (runtime: typeof traced | typeof reference, step: (a: Tensor) => State): Promise<string> => {
    const program = runtime.compile<State, Record<string, never>, Record<string, never>>('careless', ({ a }) => ({
      state: step(a!),
      metrics: {},
    }));
    const state = runtime.upload<State>({ a: f32([2], [1, 2]) });
    const message = await program.run(state, {}).then(
      () => assert.fail('the step went through'),
      (error: unknown) => (error as Error).message,
    );
    const { a } = await runtime.download(state);
    assert.deepEqual([...a!.data], [1, 2], 'the state is as before');
    return message;
  };

  for (const [name, runtime] of [
    ['ort', traced],
    ['eager', reference],
  ] as const) {
    it(`another shape, on ${name}`, async () => {
      const message = await messageFor(runtime, (a) => ({ a: tf.reshape(a, [1, 2]) }));
      assert.match(message, /^step 'careless': it changes state 'a' from float32 \[2\] to float32 \[1, 2\]/);
    });

    it(`another type, on ${name}`, async () => {
      const message = await messageFor(runtime, (a) => ({ a: tf.cast(a, 'int32') }));
      assert.match(message, /^step 'careless': it changes state 'a' from float32 \[2\] to int32 \[2\]/);
    });

    it(`an unknown name, on ${name}`, async () => {
      const message = await messageFor(runtime, (a) => ({ b: a }));
      assert.match(message, /^step 'careless': it returns state 'b', which it was not given/);
    });
  }
});

describe('the tracing backend by itself', () => {
  it('says that it only works inside a step', async () => {
    await tf.setBackend('onnx');
    try {
      assert.throws(() => tf.tensor1d([1, 2]), /only works inside a compiled step/);
    } finally {
      await tf.setBackend('cpu');
    }
  });
});
