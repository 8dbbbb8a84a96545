import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../../engine/ops/activation';
import { attention, paddingMask } from '../../engine/ops/attention';
import { layerNorm } from '../../engine/ops/norm';
import { recomputable } from '../../engine/ops/recompute';
import type { Named } from '../../engine/optimizer';
import { stackedHeads } from '../attention/stacked';
import type { EncoderConfig } from './config';
import { names } from './layout';

type Parameters = Named<Tensor>;

/** Sequences of one padded length: int32 [batch, tokens] each. */
export type EncoderInputs<T = Tensor> = Readonly<Record<'ids' | 'mask' | 'types', T>>;

function parameter(parameters: Parameters, name: string): Tensor {
  const tensor = parameters[name];
  if (!tensor) throw new Error(`the model has no tensor '${name}'`);
  return tensor;
}

/** y = x Wᵀ + b. [N, inputs] -> [N, outputs] */
const linear = (parameters: Parameters, name: string, x: Tensor): Tensor =>
  tf.add(tf.matMul(x, parameter(parameters, `${name}.weight`), false, true), parameter(parameters, `${name}.bias`));

const norm = (config: EncoderConfig, parameters: Parameters, name: string, x: Tensor): Tensor =>
  layerNorm(x, parameter(parameters, `${name}.weight`), parameter(parameters, `${name}.bias`), config.normEpsilon);

/**
 * The transformer (Devlin et al., 2019): post-norm blocks, every token attending to every token that is not padding. No
 * dropout: the same inputs give the same outputs.
 * @param inputs mask: 1 for a token, 0 for padding; types: the segment of a token, which DistilBERT ignores
 * @returns [batch, tokens, hidden]; rows of padding are meaningless
 */
export function encoderForward(config: EncoderConfig, parameters: Parameters, inputs: EncoderInputs): Tensor {
  const x = blocks(config, parameters, inputs, config.layers);
  return tf.reshape(x, [...inputs.ids.shape, config.hidden]);
}

/**
 * The first token of each sequence after the same transformer. The other tokens are not needed, so the last block
 * attends to them but does not compute them.
 * @returns [batch, hidden]
 */
function firstTokens(config: EncoderConfig, parameters: Parameters, inputs: EncoderInputs): Tensor {
  const { hidden, layers } = config;
  const [batch, tokens] = inputs.ids.shape as [number, number];
  const x = blocks(config, parameters, inputs, layers - 1);
  const first = (all: Tensor) =>
    tf.reshape(tf.slice(tf.reshape(all, [batch, tokens, hidden]), [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
  return block(config, parameters, layers - 1, x, paddingMask(inputs.mask), first);
}

/** The embedded tokens after the first `count` blocks: [batch * tokens, hidden]. */
function blocks(config: EncoderConfig, parameters: Parameters, inputs: EncoderInputs, count: number): Tensor {
  const mask = paddingMask(inputs.mask);
  let x = embed(config, parameters, inputs);
  for (let layer = 0; layer < count; layer++) x = block(config, parameters, layer, x, mask);
  return x;
}

/** The normalized sum of word, position and segment embeddings: [batch * tokens, hidden]. */
function embed(config: EncoderConfig, parameters: Parameters, { ids, types }: EncoderInputs): Tensor {
  const { hidden, tokenTypes } = config;
  const [batch, tokens] = ids.shape as [number, number];
  const name = names(config);
  const rows = batch * tokens;
  const words = tf.gather(parameter(parameters, name.words), tf.reshape<tf.Rank.R1>(ids, [rows]));
  const positions = tf.slice(parameter(parameters, name.positions), [0, 0], [tokens, hidden]);
  const placed = tf.reshape(tf.add(tf.reshape(words, [batch, tokens, hidden]), positions), [rows, hidden]);
  if (tokenTypes === 0) return norm(config, parameters, name.embeddingNorm, placed);
  // With a single segment there is nothing to look up.
  if (tokenTypes === 1)
    return norm(config, parameters, name.embeddingNorm, tf.add(placed, parameter(parameters, name.types)));
  // A product with a one-hot matrix: the gradient of a lookup would add the rows one after another.
  const segments = tf.oneHot(tf.reshape<tf.Rank.R1>(types, [rows]), tokenTypes);
  const typed = tf.matMul(tf.cast(segments, 'float32'), parameter(parameters, name.types));
  return norm(config, parameters, name.embeddingNorm, tf.add(placed, typed));
}

/**
 * One post-norm block (Vaswani et al., 2017).
 * @param x [batch * tokens, hidden], the tokens to attend to
 * @param mask [batch, 1, 1, tokens]
 * @param choose the tokens to compute, the same number per sequence: [batch * wanted, hidden]; default: all
 * @returns these tokens after the block
 */
function block(
  config: EncoderConfig,
  parameters: Parameters,
  layer: number,
  x: Tensor,
  mask: Tensor,
  choose: (x: Tensor) => Tensor = (all) => all,
): Tensor {
  const name = names(config).block(layer);
  return recomputable(x, parameters, name.prefix, (tokens, own) => {
    const queries = choose(tokens);
    const attended = linear(own, name.output, heads(config, own, layer, tokens, mask, queries));
    const between = norm(config, own, name.attentionNorm, tf.add(queries, attended));
    const mlp = linear(own, name.down, gelu(linear(own, name.up, between)));
    return norm(config, own, name.mlpNorm, tf.add(between, mlp));
  });
}

/** The concatenated outputs of all heads, for the queries: [batch * wanted, hidden]. */
function heads(
  { heads, headDim, hidden, ...config }: EncoderConfig,
  parameters: Parameters,
  layer: number,
  x: Tensor,
  mask: Tensor,
  queries: Tensor,
): Tensor {
  const batch = mask.shape[0];
  const name = names(config).block(layer);
  const split = (projection: string, rows: Tensor) =>
    tf.transpose(tf.reshape(linear(parameters, projection, rows), [batch, -1, heads, headDim]), [0, 2, 1, 3]);
  const layers = [name.query, name.key, name.value] as const;
  const stacked = queries === x ? stackedHeads(parameters, layers, x, batch, [heads, heads, heads]) : undefined;
  const [q, k, v] = stacked ?? [split(name.query, queries), split(name.key, x), split(name.value, x)];
  const out = attention(q, k, v, mask);
  return tf.reshape(tf.transpose(out, [0, 2, 1, 3]), [-1, hidden]);
}

/**
 * Class scores of whole sequences, or the value of a regression if there is a single label.
 * @returns [batch, labels]
 */
export function classifySequences(config: EncoderConfig, parameters: Parameters, inputs: EncoderInputs): Tensor {
  return classifyFeatures(config, parameters, sequenceFeatures(config, parameters, inputs));
}

/**
 * The input of the classifier: the first token after a layer with tanh (BERT's pooler) or ReLU (DistilBERT).
 * @returns [batch, hidden]
 */
export function sequenceFeatures(config: EncoderConfig, parameters: Parameters, inputs: EncoderInputs): Tensor {
  const first = firstTokens(config, parameters, inputs);
  const pooled = linear(parameters, names(config).pooler, first);
  return config.modelType === 'bert' ? tf.tanh(pooled) : tf.relu(pooled);
}

/** [batch, hidden] -> class scores, [batch, labels] */
export const classifyFeatures = (config: EncoderConfig, parameters: Parameters, features: Tensor): Tensor =>
  linear(parameters, names(config).classifier, features);

/**
 * Vocabulary scores for some tokens only: the vocabulary is most of the work, and few tokens are masked.
 * @param positions int32 [rows]: which rows of the batch, `sequence * tokens + token`
 * @returns [rows, vocabulary]
 */
export function maskedLogits(
  config: EncoderConfig,
  parameters: Parameters,
  inputs: EncoderInputs,
  positions: Tensor,
): Tensor {
  const name = names(config);
  const hidden = tf.reshape(encoderForward(config, parameters, inputs), [-1, config.hidden]);
  const rows = tf.gather(hidden, tf.reshape<tf.Rank.R1>(positions, [-1]));
  const inner = norm(config, parameters, name.transformNorm, gelu(linear(parameters, name.transform, rows)));
  const weight = parameter(parameters, config.tied ? name.words : name.vocabulary.weight);
  return tf.add(tf.matMul(inner, weight, false, true), parameter(parameters, name.vocabulary.bias));
}
