import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../core/engine/host';
import { f32, i32 } from '../../../core/engine/host';
import { gelu, siluGate } from '../../../core/engine/ops/activation';
import { attention, cacheMask, causalMask, paddingMask } from '../../../core/engine/ops/attention';
import { scaledMatMul } from '../../../core/engine/ops/fused';
import { crossEntropy, softCrossEntropy } from '../../../core/engine/ops/loss';
import { permuteRows } from '../../../core/engine/ops/permute';
import { layerNorm, rmsNorm } from '../../../core/engine/ops/norm';
import { rotary } from '../../../core/engine/ops/rotary';
import { compare, Draw, evaluate, prepare, traced } from './both';

const draw = new Draw(7);
const normal = (...shape: number[]) => draw.normal(...shape);

interface Differentiable {
  readonly name: string;
  /** The first `of.length` inputs are differentiated, the rest are not. */
  readonly run: (...inputs: Tensor[]) => Tensor;
  readonly of: readonly HostTensor<'float32'>[];
  readonly given?: readonly HostTensor[];
}

const FUSED: readonly Differentiable[] = [
  { name: 'rmsNorm', run: (x, weight) => rmsNorm(x, weight, 1e-5), of: [normal(2, 3, 8), normal(8)] },
  { name: 'rmsNorm of a matrix', run: (x, weight) => rmsNorm(x, weight, 0.1), of: [normal(5, 6), normal(6)] },
  {
    name: 'layerNorm',
    run: (x, weight, bias) => layerNorm(x, weight, bias, 1e-5),
    of: [normal(2, 3, 8), normal(8), normal(8)],
  },
  { name: 'gelu', run: (x) => gelu(x), of: [draw.uniform(-4, 4, 5, 6)] },
  { name: 'siluGate', run: (gate, up) => siluGate(gate, up), of: [draw.uniform(-4, 4, 4, 5), normal(4, 5)] },
  {
    name: 'crossEntropy with ignored targets',
    run: (logits, targets) => crossEntropy(logits, targets),
    of: [normal(6, 7)],
    given: [i32([6], [0, 6, -1, 3, -100, 3])],
  },
  {
    name: 'rotary',
    run: (x, positions, cos, sin) => rotary(x, positions, cos, sin),
    of: [normal(2, 4, 12)],
    given: [draw.ints(0, 9, 2, 4), normal(9, 3), normal(9, 3)],
  },
  {
    name: 'attention with one group and a causal mask',
    run: (q, k, v) => attention(q, k, v, causalMask(5, 1)),
    of: [normal(2, 2, 5, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 4)],
  },
  {
    name: 'attention with grouped queries and a window',
    run: (q, k, v) => attention(q, k, v, causalMask(4, 3, 2)),
    of: [normal(2, 2, 12, 4), normal(2, 2, 4, 4), normal(2, 2, 4, 4)],
  },
  {
    name: 'attention of one sequence with one head, values of another width',
    run: (q, k, v) => attention(q, k, v, tf.zeros([1, 1])),
    of: [normal(1, 1, 3, 4), normal(1, 1, 5, 4), normal(1, 1, 5, 2)],
  },
  {
    name: 'attention over sequences that are padded',
    run: (q, k, v, present) => attention(q, k, v, paddingMask(present)),
    of: [normal(2, 2, 4, 4), normal(2, 2, 4, 4), normal(2, 2, 4, 4)],
    given: [i32([2, 4], [1, 1, 1, 0, 1, 1, 0, 0])],
  },
  {
    name: 'attention of shared queries to several key-value heads',
    run: (q, k, v) => attention(q, k, v),
    of: [normal(2, 1, 6, 4), normal(2, 3, 3, 4), normal(2, 3, 3, 4)],
  },
  {
    name: 'crossEntropy against a distribution',
    run: (logits, targets) => softCrossEntropy(logits, targets),
    of: [normal(4, 3)],
    given: [f32([4, 3], [1, 0, 0, 0.2, 0.3, 0.5, 0.9, 0.05, 0.05, 0, 0.5, 0.5])],
  },
  {
    name: 'rows in another order, per item of a batch',
    run: (x, order) => permuteRows(x, order),
    of: [normal(2, 3, 4)],
    given: [i32([2, 3], [2, 0, 1, 1, 2, 0])],
  },
  {
    name: 'attention into a cache',
    run: (q, k, v, start) => attention(q, k, v, cacheMask(start, 2, 7, 2, 4)),
    of: [normal(1, 2, 4, 4), normal(1, 2, 7, 4), normal(1, 2, 7, 4)],
    given: [i32([], [3])],
  },
];

/** Operators of models whose gradients are tf.js's own. */
const ORDINARY: readonly Differentiable[] = [
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      name: `matMul, transposed ${transposeA}, ${transposeB}`,
      run: (a: Tensor, b: Tensor) => tf.matMul(a, b, transposeA, transposeB),
      of: [normal(2, 4, 4), normal(2, 4, 4)],
    })),
  ),
  { name: 'matMul of many rows by one matrix', run: (a, b) => tf.matMul(a, b), of: [normal(6, 4), normal(4, 3)] },
  {
    name: 'gather of rows, many of them repeated',
    run: (table, ids) => tf.gather(table, ids),
    of: [normal(5, 4)],
    given: [draw.ints(0, 5, 3, 70)],
  },
  {
    name: 'gather along axis 1',
    run: (x, ids) => tf.gather(x, ids, 1),
    of: [normal(2, 5, 3)],
    given: [draw.ints(0, 5, 9)],
  },
  { name: 'softmax', run: (x) => tf.softmax(x), of: [normal(3, 6)] },
  { name: 'logSoftmax', run: (x) => tf.logSoftmax(x), of: [normal(3, 6)] },
  { name: 'concat', run: (a, b) => tf.concat([a, b], -1), of: [normal(3, 2), normal(3, 4)] },
  { name: 'stack', run: (a, b) => tf.stack([a, b], 1), of: [normal(3, 2), normal(3, 2)] },
  { name: 'slice', run: (x) => tf.slice(x, [1, 0], [2, 3]), of: [normal(4, 5)] },
  { name: 'split', run: (x) => tf.mul(...(tf.split(x, 2, 1) as [Tensor, Tensor])), of: [normal(3, 4)] },
  { name: 'unstack', run: (x) => tf.addN(tf.unstack(x, 1)), of: [normal(3, 4, 2)] },
  {
    name: 'pad',
    run: (x) =>
      tf.pad(x, [
        [1, 2],
        [0, 1],
      ]),
    of: [normal(3, 2)],
  },
  { name: 'transpose', run: (x) => tf.transpose(x, [0, 2, 1, 3]), of: [normal(2, 3, 4, 2)] },
  { name: 'reshape', run: (x) => tf.reshape(x, [4, -1]), of: [normal(2, 6)] },
  { name: 'tile', run: (x) => tf.tile(x, [2, 3]), of: [normal(2, 2)] },
  { name: 'mean', run: (x) => tf.mean(x, 1, true), of: [normal(3, 4)] },
  { name: 'sum', run: (x) => tf.sum(x, [0, 2]), of: [normal(3, 4, 2)] },
  { name: 'max', run: (x) => tf.max(x, -1), of: [normal(3, 4)] },
  { name: 'cumsum', run: (x) => tf.cumsum(x, 1), of: [normal(3, 4)] },
  {
    name: 'select',
    run: (a, b, c) => tf.where(c, a, b),
    of: [normal(3, 4), normal(3, 4)],
    given: [draw.bools(3, 4)],
  },
  {
    name: 'broadcast arithmetic',
    run: (a, b) => tf.div(tf.sub(tf.mul(a, b), b), tf.add(tf.square(a), 1)),
    of: [normal(3, 4), normal(4)],
  },
  {
    name: 'functions',
    run: (x) => tf.add(tf.tanh(x), tf.mul(tf.sigmoid(x), tf.exp(tf.neg(tf.abs(x))))),
    of: [normal(9)],
  },
  {
    name: 'roots and powers',
    run: (x) => tf.add(tf.add(tf.sqrt(x), tf.rsqrt(x)), tf.add(tf.log(x), tf.pow(x, 1.5))),
    of: [draw.uniform(0.5, 3, 7)],
  },
  { name: 'relu and clipping', run: (x) => tf.add(tf.relu(x), tf.clipByValue(x, -0.5, 0.5)), of: [normal(12)] },
  {
    name: 'minimum and maximum',
    run: (a, b) => tf.add(tf.minimum(a, b), tf.maximum(a, 0.1)),
    of: [normal(5), normal(5)],
  },
  { name: 'erf and softplus', run: (x) => tf.add(tf.erf(x), tf.softplus(x)), of: [normal(8)] },
];

/** The value of an operator and the gradients of Σ value * weights. */
const valueAndGradients =
  ({ run, of }: Differentiable) =>
  (inputs: readonly Tensor[]): Tensor[] => {
    const weights = inputs.at(-1)!;
    const given = inputs.slice(of.length, -1);
    let value: Tensor | undefined;
    const gradients = tf.grads((...x: Tensor[]) => {
      value = tf.keep(run(...x, ...given));
      return tf.sum(tf.mul(value, weights));
    })(inputs.slice(0, of.length));
    return [value!, ...gradients];
  };

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

/** A step that is long beside float32's rounding and short beside the curvature that five points leave out. */
const STRIDE = 0.04;

describe('gradients', () => {
  after(() => traced.dispose());

  for (const operator of FUSED)
    it(`of ${operator.name} are those of finite differences`, async () => {
      const { run, of, given = [], name } = operator;
      const forward = prepare(traced, name, (x) => [run(...x)]);
      const value = async (inputs: readonly HostTensor[]) => (await forward([...inputs, ...given]))[0]!;
      const weights = normal(...(await value(of)).shape);
      const [, ...gradients] = await evaluate(traced, name, valueAndGradients(operator), [...of, ...given, weights]);
      for (let trial = 0; trial < 2; trial++)
        for (const [varied, input] of of.entries()) {
          const direction = normal(...input.shape);
          const at = async (distance: number) => {
            const moved = f32(
              input.shape,
              input.data.map((x, i) => x + distance * direction.data[i]!),
            );
            // The sum in float64: float32 would drown the difference.
            return dot((await value(of.with(varied, moved))).data, weights.data);
          };
          const near = (await at(STRIDE)) - (await at(-STRIDE));
          const far = (await at(2 * STRIDE)) - (await at(-2 * STRIDE));
          const expected = (8 * near - far) / (12 * STRIDE);
          const actual = dot(gradients[varied]!.data, direction.data);
          const scale = Math.sqrt(dot(gradients[varied]!.data, gradients[varied]!.data));
          assert.ok(
            Math.abs(actual - expected) < 2e-3 * scale + 1e-4,
            `input ${varied}: ${actual}, by differences ${expected}`,
          );
        }
    });

  for (const operator of [...FUSED, ...ORDINARY])
    it(`of ${operator.name} are those of tf.js on the CPU`, async () => {
      const { run, of, given = [], name } = operator;
      const [value] = await evaluate(traced, name, (x) => [run(...x)], [...of, ...given]);
      const inputs = [...of, ...given, normal(...value!.shape)];
      await compare(name, valueAndGradients(operator), inputs, { relative: 1e-4, absolute: 1e-5 });
    });

  it('of scaledMatMul do not exist: it belongs inside operators with their own', async () => {
    const inputs = [normal(2, 2), normal(2, 2)];
    const compute = ([a, b]: readonly Tensor[]) =>
      tf.grads((a: Tensor, b: Tensor) => tf.sum(scaledMatMul(a, b, false, false, 2)))([a!, b!]);
    await assert.rejects(evaluate(traced, 'scaled', compute, inputs), /scaled.*gradient/is);
  });
});
