import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { softCrossEntropy } from '../engine/ops/loss';
import type { Named } from '../engine/optimizer';
import type { VitConfig } from '../models/vit/config';
import { vitForward, type Skip, type VitInputs } from '../models/vit/skip';

/** A training batch: images, their label distributions, and scores for patches that are skipped at random. */
export type ImageLossBatch<T = Tensor> = Readonly<Record<'images' | 'targets' | 'random', T>>;

/** Mean cross-entropy against the label distributions. */
export function imageLoss(
  config: VitConfig,
  parameters: Named<Tensor>,
  { images, targets, random }: ImageLossBatch,
  skip: Skip | undefined,
  dropPath?: VitInputs['dropPath'],
): Tensor {
  const { logits } = vitForward(config, parameters, { images, random, ...(dropPath && { dropPath }) }, skip);
  return tf.mean(softCrossEntropy(logits, targets));
}
