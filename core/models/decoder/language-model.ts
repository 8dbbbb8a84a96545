import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { causalMask } from '../../engine/ops/attention';
import { crossEntropy, hits, meanCrossEntropy } from '../../engine/ops/loss';
import { blocksOf } from '../../protocol/grouping';
import type { DecoderConfig } from './config';
import type { Parameters, Sequence } from './forward';
import { hiddenStates, logits } from './forward';

/** Token ids, and the token that follows each: int32 [batch, tokens]; targets below 0 are ignored. */
export type TokenBatch<T = Tensor> = Readonly<Record<'inputs' | 'targets', T>>;

/** Whole sequences from position 0 with causal attention. */
export function causalSequence(config: DecoderConfig, batch: number, tokens: number): Sequence {
  const { queries } = blocksOf(config.grouping);
  const positions = tf.tile(tf.reshape(tf.range(0, tokens, 1, 'int32'), [1, tokens]), [batch, 1]);
  return {
    batch,
    tokens,
    positions,
    keyPositions: positions,
    maxPosition: tokens,
    mask: (layer) => causalMask(tokens, queries, config.window(layer)),
  };
}

/** Logits of every position: [batch * tokens, vocabulary]. @param onBlock see `hiddenStates` */
export function causalLogits(
  config: DecoderConfig,
  parameters: Parameters,
  inputs: Tensor,
  onBlock?: (state: Tensor) => void,
): Tensor {
  const [batch, tokens] = inputs.shape as [number, number];
  const sequence = causalSequence(config, batch, tokens);
  return logits(config, parameters, hiddenStates(config, parameters, inputs, sequence, onBlock));
}

/** Mean next-token cross-entropy, in nats, over the targets that are not ignored. */
export function nextTokenLoss(config: DecoderConfig, parameters: Parameters, batch: TokenBatch): Tensor {
  return meanCrossEntropy(causalLogits(config, parameters, batch.inputs), tf.reshape(batch.targets, [-1]));
}

/** Per position, the cross-entropy of its target in nats, and whether the target was the most likely: [batch * tokens]. */
export function scoreTokens(
  config: DecoderConfig,
  parameters: Parameters,
  batch: TokenBatch,
): { nats: Tensor; hit: Tensor } {
  const targets = tf.reshape(batch.targets, [-1]);
  const scores = causalLogits(config, parameters, batch.inputs);
  return { nats: crossEntropy(scores, targets), hit: hits(scores, targets) };
}
