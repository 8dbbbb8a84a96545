import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32, floats, type HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { Ranks } from './config';
import { factorNames } from './layout';

/**
 * Nested models: the components of each factored layer y = u v x are ordered, and the model is trained so that the leading
 * ones alone are a good layer. A size is the number of leading components of every layer, so one set of factors holds all
 * sizes. In `config.json`, `winnow.ranks` are those of the largest size, and `winnow.nested` lists the ranks of every size
 * that was trained, the largest first.
 */

/** The factors whose shapes change from one size to another, and the axis along which components lie. */
function* cuts(
  from: Ranks,
  to: Ranks,
): Generator<{ readonly name: string; readonly axis: 0 | 1; readonly rank: number }> {
  for (const [layer, rank] of Object.entries(to)) {
    if (rank === from[layer]) continue;
    const { u, v } = factorNames(layer);
    yield { name: u, axis: 1, rank };
    yield { name: v, axis: 0, rank };
  }
}

/**
 * The parameters of a smaller size, as views in a traced computation: gradients reach the leading components only.
 * @param from the ranks of the parameters
 * @param to the ranks of the size, none of them higher
 */
export function leading(parameters: Named<Tensor>, from: Ranks, to: Ranks): Named<Tensor> {
  const own: Record<string, Tensor> = { ...parameters };
  for (const { name, axis, rank } of cuts(from, to)) {
    const whole = own[name]!;
    const [rows, columns] = whole.shape as [number, number];
    own[name] = tf.slice(whole, [0, 0], axis === 0 ? [rank, columns] : [rows, rank]);
  }
  return own;
}

/** The same in main memory: factors u [outputs, rank] and v [rank, inputs] of the leading components. */
export function leadingParameters(parameters: Named<HostTensor>, from: Ranks, to: Ranks): Named<HostTensor> {
  const own: Record<string, HostTensor> = { ...parameters };
  for (const { name, axis, rank } of cuts(from, to)) {
    const { shape } = own[name]!;
    const [rows, columns] = shape as [number, number];
    const values = floats(own[name]!);
    if (axis === 0) own[name] = f32([rank, columns], values.slice(0, rank * columns));
    else {
      const kept = new Float32Array(rows * rank);
      for (let row = 0; row < rows; row++) kept.set(values.subarray(row * columns, row * columns + rank), row * rank);
      own[name] = f32([rows, rank], kept);
    }
  }
  return own;
}
