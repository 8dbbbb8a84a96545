import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../core/engine/host';
import type { AdamWSettings, Named, Schedule } from '../../core/engine/optimizer';
import type { Runtime } from '../../core/engine/runtime/runtime';
import type { LossFunction } from '../../core/training/steps';
import { Trainer } from '../../core/training/trainer';

/** A model in training, to be timed here and in PyTorch: the same weights, batches, optimizer and loss. */
export interface Subject {
  /** The class of `torch_step.py` that computes the same. */
  readonly architecture: 'Decoder' | 'VisionTransformer' | 'Encoder';
  readonly description: string;
  /** Its `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly parameters: Named<HostTensor>;
  /** What the steps see, in turns. */
  readonly batches: readonly Named<HostTensor>[];
  readonly loss: LossFunction<Named<Tensor>>;
  readonly optimizer: AdamWSettings;
  readonly schedule: Schedule;
  /** What a step sees, and how many of them. */
  readonly unit: 'tokens' | 'images';
  readonly unitsPerStep: number;
  /** Floating-point operations of a step: three forward passes, as is usual. */
  readonly flops: number;
}

/** A subject in training, with what its steps took so far. */
export class Training {
  readonly seconds: number[] = [];
  readonly losses: number[] = [];
  readonly gradientNorms: number[] = [];
  readonly #trainer: Trainer<Named<Tensor>>;

  constructor(
    readonly runtime: Runtime,
    readonly subject: Subject,
    /** As in `TrainerOptions`. */
    stepsPerCall = 1,
  ) {
    const { loss, parameters, optimizer, schedule } = subject;
    this.#trainer = new Trainer<Named<Tensor>>(runtime, { loss, parameters, optimizer, schedule, stepsPerCall });
  }

  get parameters() {
    return this.#trainer.parameters;
  }

  async advance(steps: number): Promise<void> {
    const { batches } = this.subject;
    const end = this.#trainer.step + steps;
    while (this.#trainer.step < end) {
      const { step, stepsPerCall } = this.#trainer;
      const given = Array.from({ length: Math.min(stepsPerCall, end - step) }, (_, i) => ({
        batches: [batches[(step + i) % batches.length]!],
      }));
      const before = performance.now();
      const results = await this.#trainer.advanceMany(given);
      const seconds = (performance.now() - before) / 1000 / results.length;
      for (const { metrics } of results) {
        this.seconds.push(seconds);
        this.losses.push(metrics.loss);
        this.gradientNorms.push(metrics.gradientNorm);
      }
    }
  }
}
