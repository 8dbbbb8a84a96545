import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { Draw } from '../both';
import type { Case, Cases } from './case';
import { on } from './case';

const draw = new Draw(3);
const normal = (...shape: number[]) => draw.normal(...shape);

/** One function on one random float tensor, and on one of integers where that makes sense. */
const once = (run: (x: Tensor) => Tensor | readonly Tensor[], ...shape: number[]): Case[] =>
  on(run, [normal(...shape)], [draw.ints(-9, 9, ...shape)]);
const floats = (run: (x: Tensor) => Tensor | readonly Tensor[], ...shape: number[]): Case[] =>
  on(run, [normal(...shape)]);

const PERMUTATIONS: [number[], number[]][] = [
  [[4], [0]],
  [
    [3, 4],
    [1, 0],
  ],
  [
    [2, 3, 4],
    [2, 0, 1],
  ],
  [
    [2, 3, 4],
    [0, 2, 1],
  ],
  [
    [2, 3, 4, 5],
    [0, 2, 1, 3],
  ],
  [
    [1, 4, 1, 3],
    [2, 1, 0, 3],
  ],
  [
    [1, 4, 3],
    [2, 0, 1],
  ],
];

export const shape: Cases = {
  Reshape: [
    ...once((x) => tf.reshape(x, [6, 2]), 3, 4),
    ...once((x) => tf.reshape(x, [-1]), 2, 3),
    ...once((x) => tf.reshape(x, [2, -1, 2]), 3, 4),
    ...once((x) => tf.reshape(x, []), 1, 1),
    ...floats((x) => tf.reshape(x, [0, 5]), 0, 3),
    ...on((x) => tf.reshape(x, [4]), [draw.bools(2, 2)]),
  ],
  ExpandDims: [0, 1, 2, -1, -2].flatMap((axis) => once((x) => tf.expandDims(x, axis), 3, 4)),
  Transpose: [
    ...PERMUTATIONS.flatMap(([of, perm]) => once((x) => tf.transpose(x, perm), ...of)),
    ...once((x) => tf.transpose(x), 2, 3, 4),
    ...on((x) => tf.transpose(x), [draw.bools(2, 3)]),
  ],
  Tile: [
    ...once((x) => tf.tile(x, [3]), 4),
    ...once((x) => tf.tile(x, [2, 1, 3]), 2, 3, 2),
    ...once((x) => tf.tile(x, [1, 1]), 2, 3),
    ...once((x) => tf.broadcastTo(x, [3, 4]), 4),
    ...once((x) => tf.broadcastTo(x, [2, 3, 4]), 3, 1),
    ...once((x) => tf.broadcastTo(x, [2, 3]), 1),
  ],
  Slice: [
    ...once((x) => tf.slice(x, [2], [3]), 6),
    ...once((x) => tf.slice(x, [0, 1], [2, -1]), 3, 4),
    ...once((x) => tf.slice(x, 1), 3, 4),
    ...once((x) => tf.slice(x, [0, 0, 0], [2, 3, 4]), 2, 3, 4),
    ...once((x) => tf.slice(x, [1, 0, 2], [1, 3, 2]), 2, 3, 4),
    ...floats((x) => tf.slice(x, [1], [0]), 4),
  ],
  StridedSlice: [
    ...once((x) => tf.stridedSlice(x, [1], [6], [2]), 7),
    ...once((x) => tf.stridedSlice(x, [5], [0], [-2]), 7),
    ...once((x) => tf.stridedSlice(x, [0, 1], [3, 4], [1, 2]), 3, 4),
    ...once((x) => tf.stridedSlice(x, [0, 0], [0, 0], [2, -1], 3, 3), 3, 4),
    ...once((x) => tf.stridedSlice(x, [1, 0], [2, 4], [1, 1], 0, 0, 0, 0, 1), 3, 4),
    ...once((x) => tf.stridedSlice(x, [0, 1, 0], [0, 3, 4], [1, 1, 1], 0, 0, 0, 1), 3, 4),
    ...once((x) => tf.stridedSlice(x, [0, 1], [0, 2], [1, 1], 0, 0, 1), 2, 3, 4),
    ...floats((x) => tf.stridedSlice(x, [-3], [-1], [1]), 7),
    ...floats((x) => tf.stridedSlice(x, [3], [3], [1]), 7),
  ],
  Concat: [
    ...on((a, b) => tf.concat([a, b], 0), [normal(2, 3), normal(4, 3)], [draw.ints(0, 9, 2), draw.ints(0, 9, 3)]),
    ...on((a, b, c) => tf.concat([a, b, c], -1), [normal(2, 3), normal(2, 1), normal(2, 0)]),
    ...on(
      (a, b) => tf.concat([a, b], 1),
      [normal(2, 0, 3), normal(2, 4, 3)],
      [draw.bools(2, 1, 3), draw.bools(2, 2, 3)],
    ),
    // More inputs than ten: their order must be that of numbers, not of text.
    ...on(
      (...x) => tf.concat(x, 0),
      Array.from({ length: 12 }, (_, i) => normal(i % 3 === 0 ? 1 : 2, 2)),
    ),
  ],
  Pack: [
    ...[0, 1, 2, -1].flatMap((axis) => on((a, b) => tf.stack([a, b], axis), [normal(2, 3), normal(2, 3)])),
    ...on((a) => tf.stack([a], 1), [normal(2, 3)]),
    ...on((a, b) => tf.stack([a, b]), [normal(), normal()], [draw.ints(0, 9), draw.ints(0, 9)]),
  ],
  SplitV: [
    ...once((x) => tf.split(x, 3, 0), 6, 2),
    ...once((x) => tf.split(x, 2, -1), 3, 4),
    ...once((x) => tf.split(x, [1, 2, 3], 1), 2, 6),
    ...once((x) => tf.split(x, [1, -1], 1), 2, 6),
    ...floats((x) => tf.split(x, 1, 0), 3),
  ],
  Unpack: [
    ...[0, 1, -1].flatMap((axis) => once((x) => tf.unstack(x, axis), 3, 4, 2)),
    ...floats((x) => tf.unstack(x), 1, 3),
  ],
  PadV2: [
    ...once((x) => tf.pad(x, [[1, 2]]), 4),
    ...once(
      (x) =>
        tf.pad(
          x,
          [
            [0, 1],
            [2, 0],
          ],
          7,
        ),
      2,
      3,
    ),
    ...once(
      (x) =>
        tf.pad(x, [
          [0, 0],
          [0, 0],
        ]),
      2,
      3,
    ),
  ],
  MirrorPad: (['reflect', 'symmetric'] as const).flatMap((mode) => [
    ...floats((x) => tf.mirrorPad(x, [[2, 1]], mode), 4),
    ...floats(
      (x) =>
        tf.mirrorPad(
          x,
          [
            [1, 0],
            [2, 2],
          ],
          mode,
        ),
      2,
      3,
    ),
  ]),
  Reverse: [
    ...once((x) => tf.reverse(x, 0), 5),
    ...once((x) => tf.reverse(x, [0, -1]), 2, 3, 4),
    ...once((x) => tf.reverse(x), 2, 3),
    ...floats((x) => tf.reverse(x, []), 2, 3),
  ],
  Fill: [
    { run: () => tf.fill([2, 3], 1.5), inputs: [] },
    { run: () => tf.fill([], -2), inputs: [] },
    { run: () => tf.fill([200], 3, 'int32'), inputs: [] },
    { run: () => tf.fill([0, 2], 3), inputs: [] },
  ],
  ZerosLike: once((x) => tf.zerosLike(x), 2, 3),
  OnesLike: once((x) => tf.onesLike(x), 2, 3),
  Range: [
    { run: () => tf.range(0, 5, 1, 'int32'), inputs: [] },
    { run: () => tf.range(5, -3, -2, 'int32'), inputs: [] },
    { run: () => tf.range(0, 1, 0.25), inputs: [] },
    { run: () => tf.range(3, 3, 1), inputs: [] },
    { run: () => tf.range(2, 7), inputs: [] },
    { run: () => tf.range(7, 2), inputs: [] },
  ],
};
