import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../../engine/ops/activation';
import { layerNorm } from '../../engine/ops/norm';
import { recomputable } from '../../engine/ops/recompute';
import type { Named } from '../../engine/optimizer';
import { attendGrouped, attendHeads } from '../attention/attend';
import { stackedHeads } from '../attention/stacked';
import { blocksOf } from '../../protocol/grouping';
import { gridOf, patchCount, prefixTokens, type VitConfig } from './config';
import { names } from './layout';

type Parameters = Named<Tensor>;

function parameter(parameters: Parameters, name: string): Tensor {
  const tensor = parameters[name];
  if (!tensor) throw new Error(`the model has no tensor '${name}'`);
  return tensor;
}

/** y = x Wᵀ + b. [N, inputs] -> [N, outputs] */
function linear(parameters: Parameters, name: string, x: Tensor): Tensor {
  const y = tf.matMul(x, parameter(parameters, `${name}.weight`), false, true);
  const bias = parameters[`${name}.bias`];
  return bias ? tf.add(y, bias) : y;
}

const norm = (config: VitConfig, parameters: Parameters, name: string, x: Tensor): Tensor =>
  layerNorm(x, parameter(parameters, `${name}.weight`), parameter(parameters, `${name}.bias`), config.normEpsilon);

/**
 * The patches of every image as rows of pixels, in the order of convolution weights (channel, row, column).
 * @param images [batch, channels, side, side]
 * @returns [batch * patches, channels * patchSize²]
 */
export function patchRows(config: VitConfig, images: Tensor): Tensor {
  const { channels, patchSize } = config;
  const grid = gridOf(config);
  const batch = images.shape[0];
  const split = tf.reshape(images, [batch, channels, grid, patchSize, grid, patchSize]);
  return tf.reshape(tf.transpose(split, [0, 2, 4, 1, 3, 5]), [batch * grid * grid, channels * patchSize ** 2]);
}

/**
 * Tokens of the images: CLS (and the distillation token of a DeiT), then the patches, each with its position embedding.
 * @param images [batch, channels, side, side]
 * @returns [batch, prefix + patches, hidden]
 */
export function embed(config: VitConfig, parameters: Parameters, images: Tensor): Tensor {
  const { hidden, modelType } = config;
  const name = names(config);
  const batch = images.shape[0];
  const weight = tf.reshape(parameter(parameters, `${name.patches}.weight`), [hidden, -1]);
  const rows = tf.add(
    tf.matMul(patchRows(config, images), weight, false, true),
    parameter(parameters, `${name.patches}.bias`),
  );
  const patches = tf.reshape(rows, [batch, patchCount(config), hidden]);
  const prefix = (modelType === 'deit' ? [name.cls, name.distillation] : [name.cls]).map((token) =>
    tf.tile(parameter(parameters, token), [batch, 1, 1]),
  );
  return tf.add(tf.concat([...prefix, patches], 1), parameter(parameters, name.positions));
}

/** Options of a block. */
export interface BlockOptions {
  /**
   * Factor on what the attention and the MLP add, per image, [batch, 1, 1] each: 0 or 1 / (1 - rate) under stochastic
   * depth (Huang et al., 2016); without it, nothing is dropped.
   */
  readonly dropPath?: readonly [Tensor, Tensor];
}

/** One pre-norm block (Dosovitskiy et al., 2021, equations 2 and 3). [batch, tokens, hidden] -> the same */
export function block(
  config: VitConfig,
  parameters: Parameters,
  layer: number,
  x: Tensor,
  { dropPath }: BlockOptions = {},
): Tensor {
  const [batch, tokens, hidden] = x.shape as [number, number, number];
  const name = names(config);
  const branch = (value: Tensor, factor: Tensor | undefined) => {
    const shaped = tf.reshape(value, [batch, tokens, hidden]);
    return factor ? tf.mul(shaped, factor) : shaped;
  };
  return recomputable(x, parameters, name.blockPrefix(layer), (state, own) => {
    const normed = tf.reshape(norm(config, own, name.attentionNorm(layer), state), [batch * tokens, hidden]);
    const attended = linear(own, name.output(layer), heads(config, own, layer, normed, batch));
    const between = tf.add(state, branch(attended, dropPath?.[0]));
    const inner = tf.reshape(norm(config, own, name.mlpNorm(layer), between), [batch * tokens, hidden]);
    const mlp = linear(own, name.down(layer), gelu(linear(own, name.up(layer), inner)));
    return tf.add(between, branch(mlp, dropPath?.[1]));
  });
}

/** The concatenated outputs of all heads. [batch * tokens, hidden] -> [batch * tokens, heads * headDim] */
function heads({ modelType, grouping }: VitConfig, parameters: Parameters, layer: number, x: Tensor, batch: number) {
  const name = names({ modelType });
  const { queryHeads, kvHeads, sharedKeyValue } = grouping;
  const layers = [name.query(layer), name.key(layer), name.value(layer)] as const;
  const stacked = sharedKeyValue
    ? undefined
    : stackedHeads(parameters, layers, x, batch, [queryHeads, kvHeads, kvHeads]);
  if (stacked) return attendHeads(grouping, ...stacked);
  const project = (at: string) => tf.reshape(linear(parameters, at, x), [batch, x.shape[0] / batch, -1]);
  const keys = project(name.key(layer));
  const values = sharedKeyValue ? keys : project(name.value(layer));
  return attendGrouped(grouping, project(name.query(layer)), keys, values);
}

/**
 * How much the CLS token of a block attends to each patch, averaged over the heads (SkipViT, section 3; EViT, section
 * 3.2). Recomputed from x, for only one row of the scores.
 * @param x the input of the block, [batch, prefix + patches, hidden]
 * @returns [batch, patches], softmax weights
 */
export function clsAttention(config: VitConfig, parameters: Parameters, layer: number, x: Tensor): Tensor {
  const { grouping, headDim } = config;
  const { blocks, queries, keyValues } = blocksOf(grouping);
  const [batch, tokens, hidden] = x.shape as [number, number, number];
  const name = names(config);
  const normed = tf.reshape(norm(config, parameters, name.attentionNorm(layer), x), [batch * tokens, hidden]);
  const cls = tf.reshape(tf.slice(tf.reshape(normed, [batch, tokens, hidden]), [0, 0, 0], [batch, 1, hidden]), [
    batch,
    hidden,
  ]);
  const q = tf.reshape(linear(parameters, name.query(layer), cls), [batch, blocks, queries, headDim]);
  const k = tf.transpose(
    tf.reshape(linear(parameters, name.key(layer), normed), [batch, tokens, blocks, keyValues, headDim]),
    [0, 2, 3, 1, 4],
  );
  // [batch, blocks, queries, keyValues * tokens], every query head against every key of its block.
  const scores = tf.matMul(q, tf.reshape(k, [batch, blocks, keyValues * tokens, headDim]), false, true);
  const weights = tf.softmax(tf.mul(tf.reshape(scores, [batch, grouping.heads, tokens]), 1 / Math.sqrt(headDim)));
  const patches = patchCount(config);
  return tf.slice(tf.mean(weights, 1), [0, prefixTokens(config)], [batch, patches]);
}

/** The input of the classifier: CLS after the last block, normalized. [batch, tokens, hidden] -> [batch, hidden] */
export function features(config: VitConfig, parameters: Parameters, x: Tensor): Tensor {
  const [batch, , hidden] = x.shape as [number, number, number];
  // The norm treats each token separately, so only CLS is normalized.
  const cls = tf.reshape(tf.slice(x, [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
  return norm(config, parameters, names(config).finalNorm, cls);
}

/** [batch, hidden] -> logits [batch, classes] */
export const classify = (config: VitConfig, parameters: Parameters, x: Tensor): Tensor =>
  linear(parameters, names(config).classifier, x);
