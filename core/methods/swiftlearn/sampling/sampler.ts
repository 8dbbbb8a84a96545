import { Permutation } from '../../../data/permutation';
import type { Outcome } from './scores';
import type { Suspects } from './wrong-labels';

/** The samples of one epoch. */
export interface EpochPlan {
  /** Sample numbers, unique and ascending. */
  readonly samples: Uint32Array;
  /** Factors of their losses, in the order of `samples`; all 1 if undefined. */
  readonly weights?: Float32Array;
  /** Whether the sampler wants the outcomes from training on them. */
  readonly record: boolean;
}

/** State as named arrays, to be stored in a checkpoint. */
export type SamplerState = Readonly<Record<string, Float32Array | Uint8Array>>;

/** Decides which samples each epoch uses; deterministic, and resumable from its state. */
export interface Sampler {
  readonly epochs: number;
  /** Expected number of samples in an epoch, before the training; the learning rate schedule follows it. */
  expected(epoch: number): number;
  /** Whether all samples are scored, without training, before an epoch. */
  scoresBefore(epoch: number): boolean;
  /**
   * Records the model's outcome for a sample.
   * @param during a pass without training, or a step that trained on the sample: the outcome is that of before the step
   */
  record(sample: number, outcome: Outcome, during: 'pass' | 'training'): void;
  /** The plan of an epoch; called once per epoch, in order, after any scoring that `scoresBefore` asked for. */
  plan(epoch: number): EpochPlan;
  /** Called after an epoch. If its end is resumed from, it is called again. */
  trained?(epoch: number): void;
  /** The samples that look mislabeled, if it looks for them. */
  suspects?(): Suspects | undefined;
  state(): SamplerState;
  restore(state: SamplerState): void;
}

/** Identifier of the random stream that orders samples. */
export const ORDER_STREAM = 201;

/** The numbers of all samples. */
export const everything = (size: number) => Uint32Array.from({ length: size }, (_, i) => i);

/** All samples in every epoch; the last epoch may be partial, so that the total is exact. */
export class WholeData implements Sampler {
  readonly epochs: number;

  /** @param total number of samples to train on over all epochs */
  constructor(
    readonly size: number,
    readonly total: number,
    readonly seed: number,
  ) {
    this.epochs = Math.ceil(total / size);
  }

  expected(epoch: number): number {
    return Math.min(this.size, this.total - epoch * this.size);
  }

  scoresBefore(): boolean {
    return false;
  }

  record(): void {
    // All samples are used, so there is nothing to record.
  }

  plan(epoch: number): EpochPlan {
    const count = this.expected(epoch);
    if (count === this.size) return { samples: everything(this.size), record: false };
    const order = new Permutation(this.size, ORDER_STREAM, this.seed, epoch);
    const samples = Uint32Array.from({ length: count }, (_, i) => order.at(i)).sort();
    return { samples, record: false };
  }

  state(): SamplerState {
    return {};
  }

  restore(): void {
    // It has no state.
  }
}
