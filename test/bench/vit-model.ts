import * as tf from '@tensorflow/tfjs-core';
import { f32, type HostTensor } from '../../core/engine/host';
import { softCrossEntropy } from '../../core/engine/ops/loss';
import type { Named } from '../../core/engine/optimizer';
import { parseVitConfig, type VitConfig } from '../../core/models/vit/config';
import { flopsPerImage } from '../../core/models/vit/cost';
import { initializeVit } from '../../core/models/vit/initialize';
import { countVitParameters } from '../../core/models/vit/layout';
import { vitForward, type Skip } from '../../core/models/vit/skip';
import { Random } from '../../core/random';
import type { Subject } from './subject';

/** ViT-S/16 at 224 with 1000 classes, as its `config.json`. */
export const SMALL = {
  model_type: 'vit',
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 12,
  num_attention_heads: 6,
  num_labels: 1000,
  layer_norm_eps: 1e-6,
};

function syntheticBatch({ channels, imageSize, labels }: VitConfig, size: number): Named<HostTensor> {
  const random = new Random(1);
  const values = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const targets = new Float32Array(size * labels.length);
  for (let i = 0; i < size; i++) targets[i * labels.length + random.int(labels.length)] = 1;
  const images = f32([size, channels, imageSize, imageSize], values(size * channels * imageSize ** 2));
  return { images, targets: f32([size, labels.length], targets) };
}

/** A vision transformer of the bench to be trained on one synthetic batch. */
export function vitSubject(json: Readonly<Record<string, unknown>>, batch: number, skip?: Skip): Subject {
  const config = parseVitConfig(json);
  return {
    architecture: 'VisionTransformer',
    description:
      `${(countVitParameters(config) / 1e6).toFixed(2)} M parameters: ViT-S/16 at ${config.imageSize}, ${config.layers} blocks, d ${config.hidden}, ` +
      `${config.grouping.heads} heads;\n${batch} images, AdamW, decay, clipping; GFLOP/s count 3 forward passes.`,
    config: json,
    parameters: initializeVit(config, 0),
    batches: [syntheticBatch(config, batch)],
    loss: (parameters, { images, targets }) =>
      tf.mean(softCrossEntropy(vitForward(config, parameters, { images: images! }, skip).logits, targets!)),
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05, maxGradientNorm: 1 },
    schedule: { peak: 5e-4, warmupSteps: 1, totalSteps: 1000, floor: 0.1 },
    unit: 'images',
    unitsPerStep: batch,
    flops: 3 * batch * flopsPerImage(config, skip),
  };
}
