import { Permutation } from '../../../data/permutation';
import type { Outcome } from './scores';

/** What is trained on in one epoch. */
export interface EpochPlan {
  /** Numbers of the samples, each once, rising. */
  readonly samples: Uint32Array;
  /** Factors of their losses, side by side with `samples`; all are 1 without it. */
  readonly weights?: Float32Array;
  /** Whether what the model says of them in training is wanted. */
  readonly record: boolean;
}

/** A state as named arrays, to be kept in a checkpoint. */
export type SamplerState = Readonly<Record<string, Float32Array | Uint8Array>>;

/** Decides what each epoch of a training sees; deterministic, and resumable from its state. */
export interface Sampler {
  readonly epochs: number;
  /** Samples of an epoch, as far as they are known before the training: what the learning rate follows. */
  expected(epoch: number): number;
  /** Whether the model is asked of every sample, without training, before an epoch. */
  scoresBefore(epoch: number): boolean;
  /** Takes down what the model said of a sample. */
  record(sample: number, outcome: Outcome): void;
  /** What an epoch sees; called once for each, in order, after what `scoresBefore` asked for. */
  plan(epoch: number): EpochPlan;
  state(): SamplerState;
  restore(state: SamplerState): void;
}

/** Names the stream of random numbers of a seed that orders samples. */
export const ORDER_STREAM = 201;

/** The numbers of all samples. */
export const everything = (size: number) => Uint32Array.from({ length: size }, (_, i) => i);

/** All samples in every epoch; the last may be cut, so that so many samples are seen in all. */
export class WholeData implements Sampler {
  readonly epochs: number;

  /** @param total samples to be trained on over all epochs */
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
    // Nobody is to be chosen.
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
    // There is no state.
  }
}
