import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32 } from '../../../../core/engine/host';
import { crossEntropy } from '../../../../core/engine/ops/loss';
import { Draw } from '../both';
import type { Case, Cases } from './case';
import { on } from './case';

const draw = new Draw(2);

type Axes = number | number[] | undefined;
const AXES: readonly (readonly [shape: number[], axes: Axes])[] = [
  [[], undefined],
  [[7], undefined],
  [[7], 0],
  [[3, 5], undefined],
  [[3, 5], 0],
  [[3, 5], -1],
  [
    [2, 3, 4],
    [0, 2],
  ],
  [
    [2, 3, 4],
    [-1, 0],
  ],
  [
    [2, 3, 4],
    [0, 1, 2],
  ],
  [[2, 3, 4], 1],
  [[1, 4], 0],
  [[1, 1], undefined],
  [[2, 1, 3], [1]],
  [[300, 2], 0],
];

const reductions = (
  run: (x: Tensor, axes: Axes, keepDims: boolean) => Tensor,
  make: (...shape: number[]) => Case['inputs'][number],
): Case[] =>
  AXES.flatMap(([shape, axes]) =>
    [false, true].map((keepDims) => ({ run: (x: Tensor) => run(x, axes, keepDims), inputs: [make(...shape)] })),
  );

const normal = (...shape: number[]) => draw.normal(...shape);
const ints = (...shape: number[]) => draw.ints(-4, 5, ...shape);
const bools = (...shape: number[]) => draw.bools(...shape);

const alongAxis = (run: (x: Tensor, axis: number) => Tensor): Case[] => [
  ...[0, 1, 2, -1, -2].map((axis) => ({ run: (x: Tensor) => run(x, axis), inputs: [normal(3, 4, 5)] })),
  { run: (x) => run(x, 0), inputs: [normal(6)] },
  { run: (x) => run(x, 1), inputs: [draw.ints(-9, 9, 3, 4)] },
];

const SHAPES = [[5], [3, 5], [2, 3, 4], [1, 1]];
/** Rows whose exponentials overflow or vanish unless the largest of each row is taken off first. */
const steep = f32([2, 3], [1000, 999, -1000, -1000, -1001, -999]);

export const reduce: Cases = {
  Sum: [
    ...reductions(tf.sum, normal),
    ...reductions(tf.sum, ints),
    ...reductions(tf.sum, bools),
    ...reductions((x, axes, keepDims) => tf.sum(tf.square(x), axes, keepDims), normal),
    ...reductions((x, axes, keepDims) => tf.sum(tf.square(x), axes, keepDims), ints),
  ],
  Mean: [...reductions(tf.mean, normal), ...reductions(tf.mean, ints)],
  Max: [...reductions(tf.max, normal), ...reductions(tf.max, ints)],
  Min: [...reductions(tf.min, normal), ...reductions(tf.min, ints)],
  Prod: [
    ...reductions(tf.prod, (...shape) => draw.uniform(0.9, 1.1, ...shape)),
    ...reductions(tf.prod, (...shape) => draw.ints(1, 2, ...shape)),
  ],
  All: reductions(tf.all, bools),
  Any: reductions(tf.any, bools),
  ArgMax: [...alongAxis(tf.argMax), { run: (x) => tf.argMax(x, 1), inputs: [f32([2, 4], [1, 3, 3, 0, 2, 2, 2, 2])] }],
  ArgMin: [...alongAxis(tf.argMin), { run: (x) => tf.argMin(x, 1), inputs: [f32([2, 4], [1, 0, 3, 0, 2, 2, 2, 2])] }],
  Softmax: [
    ...SHAPES.flatMap((shape) => on((x) => tf.softmax(x), [normal(...shape)])),
    ...on((x) => tf.softmax(x), [steep]),
  ],
  LogSoftmax: on(
    (logits, targets) => crossEntropy(logits, targets),
    [normal(4, 7), draw.ints(0, 7, 4)],
    [steep, draw.ints(0, 3, 2)],
  ),
  // Not -1, which tf.js's own kernel gets wrong.
  Cumsum: [0, 1].flatMap((axis) =>
    [false, true].flatMap((exclusive) =>
      [false, true].map((reverse) => ({
        run: (x: Tensor) => tf.cumsum(x, axis, exclusive, reverse),
        inputs: [normal(3, 4)],
      })),
    ),
  ),
  TopK: [
    ...[1, 3, 5].map((k): Case => ({
      run: (x) => {
        const { values, indices } = tf.topk(x, k);
        return [values, indices];
      },
      inputs: [normal(2, 3, 5)],
    })),
    {
      run: (x) => {
        const { values, indices } = tf.topk(x, 3);
        return [values, indices];
      },
      inputs: [f32([6], [1, 2, 2, 1, 2, 0])],
    },
  ],
};
