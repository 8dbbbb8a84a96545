import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { softCrossEntropy } from '../../../engine/ops/loss';

/** A loss that is less sensitive to wrong labels than cross-entropy: the usual remedies, as controls. */
export type Remedy =
  | {
      /** Label smoothing (Szegedy et al., 2016; against wrong labels: Lukasik et al., 2020). */
      readonly kind: 'label-smoothing';
      /** Share of every label that is spread over all classes. */
      readonly share: number;
    }
  | {
      /** Generalized cross-entropy (Zhang and Sabuncu, 2018, equation 6): (1 - p^q) / q for the probability p of the label. */
      readonly kind: 'robust-loss';
      /** 1 is the mean absolute error of the probabilities, towards 0 cross-entropy. */
      readonly q: number;
    };

/**
 * The losses of samples with a remedy.
 * @param losses cross-entropies against the labels: [batch]
 * @param logits [batch, classes]
 * @returns [batch]
 */
export function remedied(losses: Tensor, logits: Tensor, remedy: Remedy | undefined): Tensor {
  switch (remedy?.kind) {
    case undefined:
      return losses;
    case 'label-smoothing': {
      const even = tf.fill(logits.shape, 1 / logits.shape[1]!);
      const spread = softCrossEntropy(logits, even);
      return tf.add(tf.mul(losses, 1 - remedy.share), tf.mul(spread, remedy.share));
    }
    case 'robust-loss':
      // p = exp(-cross-entropy).
      return tf.div(tf.sub(1, tf.exp(tf.mul(losses, -remedy.q))), remedy.q);
  }
}
