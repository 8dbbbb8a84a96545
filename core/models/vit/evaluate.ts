import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { EvaluationImages, LabeledBatch } from '../../data/images/batches';
import { f32, item } from '../../engine/host';
import { crossEntropy, hits } from '../../engine/ops/loss';
import type { Named } from '../../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../../engine/runtime/runtime';
import { Random } from '../../random';
import { patchCount, type VitConfig } from './config';
import { vitForward, type Skip } from './skip';

export interface ImageScore {
  /** Share of the images whose class was predicted correctly. */
  readonly accuracy: number;
  /** Mean cross-entropy, nats. */
  readonly loss: number;
  /** Images per second, including the time to read them. */
  readonly imagesPerSecond: number;
}

type Batch = { images: Tensor; labels: Tensor; random: Tensor };
type Score = Program<Named<Tensor>, Batch, { nats: Tensor; hits: Tensor }>;

/** Sums of the cross-entropies and of the correct predictions in a batch of labeled images. */
export const scoreProgram = (runtime: Runtime, config: VitConfig, skip?: Skip): Score =>
  runtime.compile('image score', (parameters, { images, labels, random }) => {
    const { logits } = vitForward(config, parameters, { images, random }, skip);
    return { metrics: { nats: tf.sum(crossEntropy(logits, labels)), hits: tf.sum(hits(logits, labels)) } };
  });

/** Evaluates a vision transformer on labeled images; compiled once, usable between training steps. */
export class ImageEvaluator {
  readonly #score: Score;

  constructor(
    runtime: Runtime,
    readonly config: VitConfig,
    readonly skip?: Skip,
  ) {
    this.#score = scoreProgram(runtime, config, skip);
  }

  async score(model: DeviceState<Named<Tensor>>, images: EvaluationImages, signal?: AbortSignal): Promise<ImageScore> {
    let nats = 0;
    let right = 0;
    const start = performance.now();
    for (let number = 0; number < images.count; number++) {
      signal?.throwIfAborted();
      const batch = await images.batch(number);
      const result = await this.#score.run(model, { ...batch, random: this.#random(batch, number) });
      nats += item(result.nats);
      right += item(result.hits);
    }
    const { size } = images.set;
    const seconds = (performance.now() - start) / 1000;
    return { accuracy: right / size, loss: nats / size, imagesPerSecond: size / seconds };
  }

  /** Random scores for a random skip: the same for the same images. */
  #random({ images }: LabeledBatch, number: number) {
    return randomScores(images.shape[0]!, patchCount(this.config), new Random(number));
  }
}

/** Scores that select patches at random: float32 [batch, patches]. */
export const randomScores = (batch: number, patches: number, random: Random) =>
  f32(
    [batch, patches],
    Float32Array.from({ length: batch * patches }, () => random.uniform()),
  );
