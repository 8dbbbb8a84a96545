import type { Tensor } from '@tensorflow/tfjs-core';
import { f32, floats, sizeOf, type HostTensor } from '../../../../core/engine/host';
import type { Named } from '../../../../core/engine/optimizer';
import type { Runtime } from '../../../../core/engine/runtime/runtime';
import { parseVitConfig, type VitConfig } from '../../../../core/models/vit/config';
import { vitTensorShapes } from '../../../../core/models/vit/layout';
import { vitForward, type Skip } from '../../../../core/models/vit/skip';
import { Random } from '../../../../core/random';

/** A ViT of three blocks over 4 x 4 patches. */
export const TINY_VIT = {
  model_type: 'vit',
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  image_size: 16,
  patch_size: 4,
  num_channels: 3,
  layer_norm_eps: 1e-6,
  id2label: { 0: 'a', 1: 'b', 2: 'c' },
};

export const tinyVit = (changes: Readonly<Record<string, unknown>> = {}): VitConfig =>
  parseVitConfig({ ...TINY_VIT, ...changes });

/** Weights large enough that attention is not flat and the logits differ. */
export function randomVit(config: VitConfig, seed: number): Record<string, HostTensor<'float32'>> {
  const random = new Random(seed);
  return Object.fromEntries(
    Array.from(vitTensorShapes(config), ([name, shape]) => {
      const center = /layernorm\w*\.weight$/.test(name) ? 1 : 0;
      return [
        name,
        f32(
          shape,
          Float32Array.from({ length: sizeOf(shape) }, () => center + 0.3 * random.normal()),
        ),
      ];
    }),
  );
}

export function randomImages(config: VitConfig, batch: number, seed: number): HostTensor<'float32'> {
  const random = new Random(seed);
  const shape = [batch, config.channels, config.imageSize, config.imageSize];
  return f32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
  );
}

/** Logits of images, and what decided where tokens leave. */
export async function classifyWith(
  runtime: Runtime,
  config: VitConfig,
  weights: Named<HostTensor>,
  images: HostTensor,
  skip?: Skip,
): Promise<{ logits: Float32Array; order: readonly number[]; scores: Float32Array }> {
  const state = runtime.upload<Named<Tensor>>(weights);
  const program = runtime.compile('classify', (parameters: Named<Tensor>, call: { images: Tensor }) => {
    const { logits, order, scores } = vitForward(config, parameters, { images: call.images }, skip);
    return { metrics: { logits, ...(order && scores && { order, scores }) } };
  });
  const { logits, order, scores } = await program.run(state, { images });
  return {
    logits: floats(logits),
    order: order ? Array.from(order.data) : [],
    scores: scores ? floats(scores) : new Float32Array(),
  };
}
