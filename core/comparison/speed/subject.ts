import type { Tensor } from '@tensorflow/tfjs-core';
import { f32, i32, type HostOf } from '../../engine/host';
import { createRuntime } from '../../engine/runtime/create';
import type { Runtime } from '../../engine/runtime/runtime';
import { parseVitConfig, patchCount, type VitConfig } from '../../models/vit/config';
import { scoreProgram, randomScores } from '../../models/vit/evaluate';
import { initializeVit } from '../../models/vit/initialize';
import { Random } from '../../random';
import { adamWSettings, TrainingConfig } from '../../training/config';
import { Trainer } from '../../training/trainer';
import { imageLoss, type ImageLossBatch } from '../../training/image-loss';
import type { Subject } from './protocol';

/** A model to be timed, on random noise: the contents of images do not affect the speed. */
export class TimedModel {
  readonly #runtime: Runtime;
  readonly #trainer: Trainer<ImageLossBatch>;
  readonly #infer: () => Promise<unknown>;
  readonly #batch: HostOf<ImageLossBatch>;

  constructor({ json, batchSize, device, skip, skipWhenUsed }: Subject) {
    const config = parseVitConfig(json);
    this.#runtime = createRuntime(device);
    this.#batch = noise(config, batchSize);
    this.#trainer = new Trainer(this.#runtime, {
      loss: (parameters, batch) => imageLoss(config, parameters, batch, skip),
      parameters: initializeVit(config, 0),
      optimizer: adamWSettings(TrainingConfig.parse({})),
      schedule: { peak: 1e-4, warmupSteps: 1, totalSteps: 1000, floor: 0.1 },
    });
    const score = scoreProgram(this.#runtime, config, skipWhenUsed);
    const { images, random } = this.#batch;
    const labels = i32([batchSize], new Int32Array(batchSize));
    this.#infer = () => score.run(this.#trainer.evaluated, { images, random, labels });
  }

  /** Seconds of a training step. */
  train = (): Promise<number> => timed(() => this.#trainer.advance([this.#batch]));

  /** Seconds of a forward pass. */
  infer = (): Promise<number> => timed(this.#infer);

  dispose = (): Promise<void> => this.#runtime.dispose();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function noise(config: VitConfig, batchSize: number): HostOf<ImageLossBatch> {
  const { channels, imageSize, labels } = config;
  const random = new Random(1);
  const shape = [batchSize, channels, imageSize, imageSize];
  const pixels = Float32Array.from({ length: batchSize * channels * imageSize ** 2 }, () => random.normal());
  const targets = new Float32Array(batchSize * labels.length);
  for (let i = 0; i < batchSize; i++) targets[i * labels.length + random.int(labels.length)] = 1;
  return {
    images: f32(shape, pixels),
    targets: f32([batchSize, labels.length], targets),
    random: randomScores(batchSize, patchCount(config), random),
  } satisfies HostOf<Record<'images' | 'targets' | 'random', Tensor>>;
}
