import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32, i32 } from '../../../../core/engine/host';
import { scaledMatMul } from '../../../../core/engine/ops/fused';
import { Draw } from '../both';
import type { Case, Cases } from './case';
import { excused, on } from './case';

const draw = new Draw(4);
/** Their sums are exact in any order. */
const wholeNumbers = (...shape: number[]) => f32(shape, Float32Array.from(draw.ints(-50, 50, ...shape).data));
const normal = (...shape: number[]) => draw.normal(...shape);

const gather =
  (axis: number, batchDims = 0): Case['run'] =>
  (x, indices) =>
    tf.gather(x, indices, axis, batchDims);

const gathered = (axis: number): Case[] =>
  on(gather(axis), [normal(4, 4, 4), draw.ints(0, 4, 6)], [normal(4, 4, 4), draw.ints(0, 4, 2, 3)]);

/** [m, k] x [k, n] with each operand given transposed or not, under each pair of leading axes. */
const BATCHES: [number[], number[]][] = [
  [[], []],
  [[1], [1]],
  [[4], [4]],
  [[4], [1]],
  [[1], [4]],
  [
    [2, 3],
    [2, 3],
  ],
  [
    [2, 3],
    [1, 1],
  ],
];
const products = (run: (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean) => Tensor): Case[] =>
  BATCHES.flatMap(([first, second]) =>
    [false, true].flatMap((transposeA) =>
      [false, true].map((transposeB): Case => {
        const [m, k, n] = [3, 5, 4];
        return {
          run: (a, b) => run(a, b, transposeA, transposeB),
          inputs: [
            normal(...first, ...(transposeA ? [k, m] : [m, k])),
            normal(...second, ...(transposeB ? [n, k] : [k, n])),
          ],
        };
      }),
    ),
  );

export const indexing: Cases = {
  BatchMatMul: [
    ...products((a, b, transposeA, transposeB) => tf.matMul(a, b, transposeA, transposeB)),
    ...on((a, b) => tf.matMul(a, b), [normal(1, 1), normal(1, 1)], [normal(33, 65), normal(65, 17)]),
    // Operands of different rank.
    ...on((a, b) => tf.matMul(a, b), [normal(2, 3, 5), normal(5, 4)], [normal(3, 5), normal(2, 5, 4)]),
    ...on((a, b) => tf.dot(a, b), [normal(5), normal(5)], [normal(3, 5), normal(5)]),
  ],
  ScaledMatMul: products((a, b, transposeA, transposeB) => scaledMatMul(a, b, transposeA, transposeB, 0.37)),
  GatherV2: [
    ...[0, 1, 2].flatMap(gathered),
    ...excused('tensorflow', 'tfjs-node refuses negative axes', gathered(-1)),
    ...on(
      gather(0),
      [normal(5), draw.ints(0, 5)],
      [draw.ints(-9, 9, 5), draw.ints(0, 5, 3)],
      [draw.bools(5), draw.ints(0, 5, 3)],
    ),
    ...on(gather(1, 1), [normal(3, 4), draw.ints(0, 4, 3, 2)], [normal(3, 4, 5), draw.ints(0, 4, 3, 2)]),
    ...on(gather(2, 2), [normal(2, 3, 4), draw.ints(0, 4, 2, 3, 5)]),
  ],
  GatherNd: on(
    (params, indices) => tf.gatherND(params, indices),
    [normal(4, 5), draw.ints(0, 4, 3, 2)],
    [normal(4, 5), draw.ints(0, 4, 3, 1)],
    [normal(4, 4, 2), draw.ints(0, 4, 2, 3, 2)],
  ),
  UnsortedSegmentSum: [
    ...on(
      (x, ids) => tf.unsortedSegmentSum(x, ids as tf.Tensor1D, 5),
      [normal(8), draw.ints(0, 5, 8)],
      [normal(8, 3), draw.ints(0, 5, 8)],
    ),
    // Thousands of additions into three rows: none may be lost, whatever the threads do.
    ...on((x, ids) => tf.unsortedSegmentSum(x, ids as tf.Tensor1D, 3), [wholeNumbers(4000, 16), draw.ints(0, 3, 4000)]),
    ...on((x, ids) => tf.unsortedSegmentSum(x, ids as tf.Tensor1D, 4), [normal(6, 2, 3), draw.ints(0, 4, 6)]),
  ],
  ScatterNd: [
    ...on((indices, updates) => tf.scatterND(indices, updates, [6]), [draw.ints(0, 6, 9, 1), normal(9)]),
    ...on(
      (indices, updates) => tf.scatterND(indices, updates, [4, 5]),
      [draw.ints(0, 4, 7, 2), normal(7)],
      [draw.ints(0, 4, 7, 1), normal(7, 5)],
    ),
    ...on((indices, updates) => tf.scatterND(indices, updates, [3, 4, 2]), [draw.ints(0, 3, 5, 2), normal(5, 2)]),
  ],
  TensorScatterUpdate: on(
    (tensor, indices, updates) => tf.tensorScatterUpdate(tensor, indices, updates),
    [normal(6), i32([3, 1], draw.shuffled(0, 1, 2, 3, 4, 5).slice(0, 3)), normal(3)],
    [normal(4, 3), i32([2, 1], [2, 0]), normal(2, 3)],
    [normal(4, 3), i32([2, 2], [2, 0, 3, 1]), normal(2)],
  ),
  OneHot: [
    ...on((x) => tf.oneHot(x, 5), [draw.ints(0, 5, 7)], [draw.ints(-2, 7, 2, 3)], [draw.ints(0, 5)]),
    ...on((x) => tf.oneHot(x, 3, 2, -1), [draw.ints(0, 3, 4)]),
    ...on((x) => tf.oneHot(x, 3, 1, 0, 'float32'), [draw.ints(-1, 4, 6)]),
    ...on((x) => tf.oneHot(x, 3, 1, 0, 'bool'), [draw.ints(0, 3, 4)]),
  ],
};
