import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { floats, type HostTensor } from '../../../engine/host';
import { crossEntropy, errorNorms } from '../../../engine/ops/loss';
import type { Named } from '../../../engine/optimizer';
import type { DecoderConfig } from '../../../models/decoder/config';
import { hiddenStates, logits } from '../../../models/decoder/forward';
import { causalSequence, type TokenBatch } from '../../../models/decoder/language-model';
import type { Worth } from '../sampling/scores';

/** Signals of blocks of text, [batch] each; computed on the device, because the logits are far too large to transfer. */
export type BlockSignals<T> = Readonly<Record<keyof Worth, T>>;

/**
 * The `Worth` of every block as means over its tokens: of the next-token cross-entropy in nats, of ‖softmax(z) -
 * onehot(y)‖₂, and of that times √(1 + ‖features‖²). By the triangle inequality, the last is an upper bound of the norm
 * of the gradient of the block's loss with respect to the last layer. The 1 stands for a bias, which other kinds of
 * models have, so that scores are comparable.
 */
export function blockSignals(
  config: DecoderConfig,
  parameters: Named<Tensor>,
  { inputs, targets }: TokenBatch,
): BlockSignals<Tensor> {
  const [batch, tokens] = inputs.shape as [number, number];
  const features = hiddenStates(config, parameters, inputs, causalSequence(config, batch, tokens));
  const scores = logits(config, parameters, features);
  const next = tf.reshape(targets, [-1]);
  const errors = errorNorms(scores, next);
  const inputNorms = tf.sqrt(tf.add(tf.sum(tf.square(features), 1), 1));
  const meanOfBlock = (values: Tensor) => tf.mean(tf.reshape(values, [batch, tokens]), 1);
  return {
    loss: meanOfBlock(crossEntropy(scores, next)),
    el2n: meanOfBlock(errors),
    gradient: meanOfBlock(tf.mul(errors, inputNorms)),
  };
}

/** The signals of the first `count` blocks of a batch as numbers. */
export function blockWorths(count: number, { loss, el2n, gradient }: Named<HostTensor>): Worth[] {
  const [losses, errors, gradients] = [floats(loss!), floats(el2n!), floats(gradient!)];
  return Array.from({ length: count }, (_, row) => ({
    loss: losses[row]!,
    el2n: errors[row]!,
    gradient: gradients[row]!,
  }));
}
