import { Permutation } from '../../../data/permutation';
import { everything, ORDER_STREAM, type EpochPlan, type Sampler, type SamplerState } from './sampler';
import type { Outcome } from './scores';

export interface InfoBatchOptions {
  readonly size: number;
  readonly epochs: number;
  /** Fraction of the samples below the mean loss that an epoch skips. */
  readonly ratio: number;
  /** Fraction of the epochs after which all samples are trained on. */
  readonly anneal: number;
  readonly seed: number;
}

/** Initial loss of samples not seen yet, as in the authors' code. */
const UNKNOWN_LOSS = 3;

/**
 * InfoBatch (Qin et al., 2024, algorithm 1): of the samples below the mean loss, a random fraction is skipped and the
 * rest are weighted up to compensate; the last epochs use all samples.
 */
export class InfoBatch implements Sampler {
  readonly epochs: number;
  readonly #losses: Float32Array;

  constructor(readonly options: InfoBatchOptions) {
    this.epochs = options.epochs;
    this.#losses = new Float32Array(options.size).fill(UNKNOWN_LOSS);
  }

  /** The number of skipped samples is not known in advance; the learning rate follows the epochs. */
  expected(): number {
    return this.options.size;
  }

  scoresBefore(): boolean {
    return false;
  }

  record(sample: number, { loss }: Outcome): void {
    this.#losses[sample] = loss;
  }

  plan(epoch: number): EpochPlan {
    const { size, epochs, ratio, anneal, seed } = this.options;
    if (epoch >= Math.floor(anneal * epochs)) return { samples: everything(size), record: true };
    const mean = this.#losses.reduce((sum, loss) => sum + loss, 0) / size;
    const easy = everything(size).filter((sample) => this.#losses[sample]! < mean);
    const order = new Permutation(Math.max(1, easy.length), ORDER_STREAM, seed, epoch);
    const leaves = new Uint8Array(size);
    for (let i = 0; i < Math.floor(ratio * easy.length); i++) leaves[easy[order.at(i)]!] = 1;
    const samples = everything(size).filter((sample) => leaves[sample] === 0);
    const weights = Float32Array.from(samples, (sample) => (this.#losses[sample]! < mean ? 1 / (1 - ratio) : 1));
    return { samples, weights, record: true };
  }

  state(): SamplerState {
    return { losses: this.#losses };
  }

  restore({ losses }: SamplerState): void {
    this.#losses.set(losses ?? []);
  }
}
