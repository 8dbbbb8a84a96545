import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../engine/host';
import { meanCrossEntropy } from '../../engine/ops/loss';
import type { Named } from '../../engine/optimizer';
import type { DecoderConfig } from '../../models/decoder/config';
import type { TokenBatch } from '../../models/decoder/language-model';
import { causalLogits } from '../../models/decoder/language-model';
import type { LossFunction } from '../../training/trainer';
import type { PlrdConfig } from './config';

const TEACHER = 'teacher/';

/** The parent's tensors under names that no model uses, so that they can be passed along with the frozen parameters. */
export const asTeacher = (parameters: Named<HostTensor>): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [TEACHER + name, tensor]));

/**
 * (1 - w) · next-token loss + w T² H(parent, member), with both distributions softened by T (Hinton et al., 2015). The
 * paper trains on the next token alone: w = 0.
 */
export function distillationLoss(
  decoder: DecoderConfig,
  parent: DecoderConfig,
  { weight, temperature }: PlrdConfig['distillation'],
): LossFunction<TokenBatch> {
  return (own, batch, frozen) => {
    const scores = causalLogits(decoder, { ...frozen, ...own }, batch.inputs);
    const loss = meanCrossEntropy(scores, tf.reshape(batch.targets, [-1]));
    if (weight === 0) return loss;
    const names = Object.keys(frozen).filter((name) => name.startsWith(TEACHER));
    const teacher = Object.fromEntries(
      names.map((name): [string, Tensor] => [name.slice(TEACHER.length), frozen[name]!]),
    );
    const soften = (logits: Tensor) => tf.div(logits, temperature);
    const expected = tf.softmax(soften(causalLogits(parent, teacher, batch.inputs)));
    const predicted = tf.logSoftmax(soften(scores));
    const rows = expected.shape[0];
    const follow = tf.div(tf.neg(tf.sum(tf.mul(expected, predicted))), rows);
    return tf.add(tf.mul(loss, 1 - weight), tf.mul(follow, weight * temperature ** 2));
  };
}
