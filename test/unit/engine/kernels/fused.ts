import { i32 } from '../../../../core/engine/host';
import { gelu } from '../../../../core/engine/ops/activation';
import { crossEntropy, errorNorms } from '../../../../core/engine/ops/loss';
import { layerNorm, rmsNorm } from '../../../../core/engine/ops/norm';
import { recomputable, recomputing } from '../../../../core/engine/ops/recompute';
import { stackRows } from '../../../../core/engine/ops/stack';
import { rotary } from '../../../../core/engine/ops/rotary';
import * as tf from '@tensorflow/tfjs-core';
import { CLOSE, Draw } from '../both';
import type { Cases } from './case';
import { on } from './case';

const draw = new Draw(5);
const normal = (...shape: number[]) => draw.normal(...shape);

/** The gradient of a block that is recomputed in the backward pass. */
const recomputed = (x: tf.Tensor, w: tf.Tensor) =>
  recomputing(true, () =>
    tf.grad((input: tf.Tensor) =>
      tf.sum(recomputable(input, { w }, '', (given, own) => gelu(tf.matMul(given, own.w!)))),
    )(x),
  );

export const fused: Cases = {
  After: on(recomputed, [normal(3, 4), normal(4, 2)], [normal(1, 1), normal(1, 1)]),
  FusedRmsNorm: on(
    (x, weight) => rmsNorm(x, weight, 1e-5),
    [normal(3, 8), normal(8)],
    [normal(2, 3, 6), normal(6)],
    [normal(5), normal(5)],
  ),
  FusedLayerNorm: on(
    (x, weight, bias) => layerNorm(x, weight, bias, 1e-5),
    [normal(3, 8), normal(8), normal(8)],
    [normal(2, 3, 6), normal(6), normal(6)],
    [normal(5), normal(5), normal(5)],
  ).map((test) => ({ ...test, tolerance: { ...CLOSE, absolute: 5e-6 } })),
  FusedGelu: on((x) => gelu(x), [normal(9)], [draw.uniform(-8, 8, 3, 50)], [normal()]),
  FusedRotary: on(
    (x, positions, cos, sin) => rotary(x, positions, cos, sin),
    [normal(2, 3, 8), draw.ints(0, 7, 2, 3), normal(7, 2), normal(7, 2)],
    [normal(1, 5, 12), i32([1, 5], [0, 1, 2, 3, 4]), normal(5, 2), normal(5, 2)],
    [normal(3, 1, 6), draw.ints(0, 9, 3, 1), normal(9, 3), normal(9, 3)],
  ),
  Join: on((...tensors) => stackRows(tensors), [normal(3, 4), normal(2, 4)], [normal(5), normal(1), normal(2)]),
  Parts: on(
    (a, b, weights) => tf.grads((a, b) => tf.sum(tf.mul(stackRows([a, b]), weights)))([a, b]),
    [normal(3, 4), normal(2, 4), normal(5, 4)],
    [normal(2), normal(3), normal(5)],
  ),
  PickColumn: on((logits, targets) => crossEntropy(logits, targets), [normal(6, 5), i32([6], [0, 4, -1, 2, -100, 2])]),
  AddAtColumn: on(
    (logits, targets) => tf.grad((x: tf.Tensor) => tf.sum(crossEntropy(x, targets)))(logits),
    [normal(6, 5), i32([6], [0, 4, -1, 2, -100, 2])],
  ).concat(on((logits, targets) => errorNorms(logits, targets), [normal(6, 5), i32([6], [0, 4, -1, 2, -100, 2])])),
};
