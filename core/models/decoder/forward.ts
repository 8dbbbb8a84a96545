import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { siluGate, siluGateOfHalves } from '../../engine/ops/activation';
import { rmsNorm } from '../../engine/ops/norm';
import { recomputable } from '../../engine/ops/recompute';
import { rotary } from '../../engine/ops/rotary';
import type { Named } from '../../engine/optimizer';
import { attendGrouped, attendHeads } from '../attention/attend';
import { stackedLinear } from '../attention/stacked';
import type { HeadGrouping } from '../../protocol/grouping';
import type { DecoderConfig } from './config';
import {
  attentionNorm,
  blockPrefix,
  EMBEDDING,
  factorNames,
  FINAL_NORM,
  fullName,
  HEAD,
  mlpNorm,
  selfAttentionName,
} from './layout';
import { rotaryTables } from './rotary-table';

export type Parameters = Named<Tensor>;

function parameter(parameters: Parameters, name: string): Tensor {
  const tensor = parameters[name];
  if (!tensor) throw new Error(`the model has no tensor '${name}'`);
  return tensor;
}

/** y = x Wᵀ + b, or x (u v)ᵀ + b if the layer is factored. [N, inputs] -> [N, outputs] */
export function linear(parameters: Parameters, name: string, x: Tensor): Tensor {
  const full = parameters[fullName(name)];
  const { u, v } = factorNames(name);
  const y = full
    ? tf.matMul(x, full, false, true)
    : tf.matMul(tf.matMul(x, parameter(parameters, v), false, true), parameter(parameters, u), false, true);
  const bias = parameters[`${name}.bias`];
  return bias ? tf.add(y, bias) : y;
}

/** Which tokens the blocks attend to: in training those of the call, in generation also those of a cache. */
export interface Sequence {
  readonly batch: number;
  readonly tokens: number;
  /** int32 [batch, tokens]: rows of the rotary tables. */
  readonly positions: Tensor;
  /** The same for all tokens that a layer attends to: int32 [batch, keys]. */
  readonly keyPositions: Tensor;
  /** Rows of the rotary tables. */
  readonly maxPosition: number;
  /** The mask of a layer, as `attendGrouped` takes it. */
  mask(layer: number): Tensor;
  /**
   * Keys or values of all tokens that a layer attends to, given those of this call. [batch, tokens, kvHeads * headDim]
   * -> [batch, keys, kvHeads * headDim]. Without it, a layer attends to the tokens of this call.
   */
  remember?(kind: 'keys' | 'values', layer: number, fresh: Tensor): Tensor;
  /**
   * Sees the input [N, inputs] and the output [N, outputs] of each linear layer, and returns the output to go on with: for
   * calibration. Layers that share an input see the same tensor.
   */
  readonly tap?: ((name: string, x: Tensor, y: Tensor) => Tensor) | undefined;
}

/** A linear layer of a block, seen by the sequence's tap. */
function tapped(parameters: Parameters, name: string, x: Tensor, { tap }: Sequence): Tensor {
  const y = linear(parameters, name, x);
  return tap ? tap(name, x, y) : y;
}

/**
 * The transformer: token ids to normalized hidden states.
 * @param ids int32 [batch, tokens]
 * @param onBlock called with the residual stream after each block: [batch * tokens, hidden]
 * @returns [batch * tokens, hidden]
 */
export function hiddenStates(
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor,
  sequence: Sequence,
  onBlock?: (state: Tensor) => void,
): Tensor {
  const rows = sequence.batch * sequence.tokens;
  const half = config.headDim / 2;
  const tables = rotaryTables(
    {
      headDim: config.headDim,
      theta: config.ropeTheta,
      scaling: config.ropeScaling,
      maxPositions: config.maxPositions,
    },
    sequence.maxPosition,
  );
  const cos = tf.tensor(tables.cos, [sequence.maxPosition, half]);
  const sin = tf.tensor(tables.sin, [sequence.maxPosition, half]);

  let x: Tensor = tf.gather(parameter(parameters, EMBEDDING), tf.reshape<tf.Rank.R1>(ids, [rows]));
  for (let layer = 0; layer < config.layers; layer++) {
    x = recomputable(x, parameters, blockPrefix(layer), (state, own) => {
      const normed = rmsNorm(state, parameter(own, attentionNorm(layer)), config.normEpsilon);
      const between = tf.add(state, selfAttention(config, own, layer, normed, sequence, cos, sin));
      const inner = rmsNorm(between, parameter(own, mlpNorm(layer)), config.normEpsilon);
      return tf.add(between, mlp(own, layer, inner, sequence));
    });
    onBlock?.(x);
  }
  return rmsNorm(x, parameter(parameters, FINAL_NORM), config.normEpsilon);
}

function selfAttention(
  { grouping }: DecoderConfig,
  parameters: Parameters,
  layer: number,
  x: Tensor,
  sequence: Sequence,
  cos: Tensor,
  sin: Tensor,
): Tensor {
  const { batch, tokens, positions, keyPositions } = sequence;
  const names = (['q', 'k', 'v'] as const).map((kind) => selfAttentionName(layer, kind));
  const plain = !sequence.tap && !sequence.remember && !grouping.sharedKeyValue;
  const stacked = plain ? stackedLinear(parameters, names, x) : undefined;
  if (stacked)
    return linear(
      parameters,
      selfAttentionName(layer, 'o'),
      attendStacked(grouping, stacked, sequence, layer, cos, sin),
    );
  const project = (kind: 'q' | 'k' | 'v') =>
    tf.reshape(tapped(parameters, selfAttentionName(layer, kind), x, sequence), [batch, tokens, -1]);
  const remember = (kind: 'keys' | 'values', fresh: Tensor) => sequence.remember?.(kind, layer, fresh) ?? fresh;
  const rotated = (kind: 'q' | 'k') => rotary(project(kind), positions, cos, sin);
  const output = (q: Tensor, keys: Tensor, values: Tensor) =>
    tapped(
      parameters,
      selfAttentionName(layer, 'o'),
      attendGrouped(grouping, q, keys, values, sequence.mask(layer)),
      sequence,
    );
  const q = rotated('q');
  if (grouping.sharedKeyValue) {
    // Only keys are rotated: values are cached, once, and keys are computed from them each time.
    const values = remember('values', project('k'));
    return output(q, rotary(values, keyPositions, cos, sin), values);
  }
  const keys = remember('keys', rotated('k'));
  return output(q, keys, remember('values', project('v')));
}

/**
 * The attention of queries, keys and values that are side by side. One operator turns all of them: it finds the angles of keys in the
 * tables, those of queries in tables that scale them too, and for values an angle of 0.
 * @param y [batch * tokens, (queryHeads + 2 kvHeads) * headDim]
 * @returns [batch * tokens, heads * headDim]
 */
function attendStacked(
  grouping: HeadGrouping,
  y: Tensor,
  sequence: Sequence,
  layer: number,
  cos: Tensor,
  sin: Tensor,
): Tensor {
  const { batch, tokens, positions, maxPosition } = sequence;
  const { queryHeads, kvHeads } = grouping;
  const counts = [queryHeads, kvHeads, kvHeads];
  const count = queryHeads + 2 * kvHeads;
  const half = cos.shape[1]!;
  const scale = 1 / Math.sqrt(2 * half);
  const tables = [
    tf.concat([tf.mul(cos, scale), cos, tf.ones([1, half])]),
    tf.concat([tf.mul(sin, scale), sin, tf.zeros([1, half])]),
  ] as const;
  const rows = tf.reshape(positions, [batch, 1, tokens]);
  const places = tf.concat(
    [
      tf.tile(rows, [1, queryHeads, 1]),
      tf.tile(tf.add(rows, tf.scalar(maxPosition, 'int32')), [1, kvHeads, 1]),
      tf.fill([batch, kvHeads, tokens], 2 * maxPosition, 'int32'),
    ],
    1,
  );
  const heads = tf.transpose(tf.reshape(y, [batch, tokens, count, 2 * half]), [0, 2, 1, 3]);
  const turned = rotary(
    tf.reshape(heads, [batch * count, tokens, 2 * half]),
    tf.reshape(places, [batch * count, tokens]),
    ...tables,
  );
  const [q, k, v] = tf.split(tf.reshape(turned, [batch, count, tokens, 2 * half]), counts, 1);
  return attendHeads(grouping, q!, k!, v!, { mask: sequence.mask(layer), scale: 1 });
}

function mlp(parameters: Parameters, layer: number, x: Tensor, sequence: Sequence): Tensor {
  const name = (kind: string) => `${blockPrefix(layer)}mlp.${kind}_proj`;
  const project = (kind: string, from: Tensor) => tapped(parameters, name(kind), from, sequence);
  const stacked = sequence.tap ? undefined : stackedLinear(parameters, [name('gate'), name('up')], x);
  if (stacked) return project('down', siluGateOfHalves(stacked));
  return project('down', siluGate(project('gate', x), project('up', x)));
}

/** Logits over the vocabulary. [N, hidden] -> [N, vocabulary] */
export function logits(config: DecoderConfig, parameters: Parameters, hidden: Tensor): Tensor {
  return tf.matMul(hidden, parameter(parameters, config.tied ? EMBEDDING : HEAD), false, true);
}
