import { Permutation } from '../../data/permutation';
import { Importance } from './importance';
import { judge, type Outcome, type ScoreKind } from './scores';
import { keptCount, selectMost, type Selection, type SelectionOptions } from './selection';

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

/** Names a stream of random numbers of a seed. */
const STREAM = 201;

const everything = (size: number) => Uint32Array.from({ length: size }, (_, i) => i);

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
    const order = new Permutation(this.size, STREAM, this.seed, epoch);
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

export interface MostImportantOptions {
  readonly size: number;
  /** Logits of a sample. */
  readonly outputs: number;
  readonly epochs: number;
  /** Epochs on all samples at the beginning. */
  readonly warmupEpochs: number;
  /** Epochs between two selections; 0 for one selection alone. */
  readonly selectEvery: number;
  /** Scores come from a pass without training before each selection, or for free from epochs of training on all samples. */
  readonly scoring: 'pass' | 'training';
  /** `chance` draws a score for every sample at each selection: the control. */
  readonly score: ScoreKind | 'chance';
  readonly smoothing: number;
  readonly keep: number;
  readonly skipHardest: number;
  readonly balance?: SelectionOptions['balance'];
  readonly seed: number;
  /** Looks at each selection. @param before 1 for those that the one before it kept; all, at first */
  readonly onSelected?:
    ((epoch: number, selection: Selection, importance: Importance, before: Uint8Array) => void) | undefined;
}

/** All samples at first, then the share that matters most, chosen again every so often (SwiftLearn, arXiv 2311.15134). */
export class MostImportant implements Sampler {
  readonly epochs: number;
  readonly importance: Importance;
  #kept: Uint8Array;

  constructor(readonly options: MostImportantOptions) {
    const { size, outputs, epochs, score, smoothing } = options;
    this.epochs = epochs;
    this.importance = new Importance(size, outputs, score === 'chance' ? 'loss' : score, smoothing);
    this.#kept = new Uint8Array(size).fill(1);
  }

  expected(epoch: number): number {
    const { size, keep, balance } = this.options;
    if (this.#trainsOnAll(epoch)) return size;
    if (!balance) return keptCount(size, keep);
    const sizes = new Map<number, number>();
    for (const label of balance.labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
    return [...sizes.values()].reduce((sum, own) => sum + keptCount(own, keep), 0);
  }

  scoresBefore(epoch: number): boolean {
    const { score, scoring, warmupEpochs } = this.options;
    if (score === 'chance' || scoring === 'training') return false;
    // What is compared between passes needs those of the warm-up as well.
    return this.#selectsBefore(epoch) || (epoch > 0 && epoch < warmupEpochs);
  }

  record(sample: number, outcome: Outcome): void {
    this.importance.record(sample, outcome);
  }

  plan(epoch: number): EpochPlan {
    const { size, scoring, score } = this.options;
    if (this.#selectsBefore(epoch)) this.#select(epoch);
    if (this.#trainsOnAll(epoch))
      return { samples: everything(size), record: scoring === 'training' && score !== 'chance' };
    const samples = new Uint32Array(this.#kept.reduce((sum, kept) => sum + kept, 0));
    for (let i = 0, at = 0; i < size; i++) if (this.#kept[i] === 1) samples[at++] = i;
    return { samples, record: false };
  }

  state(): SamplerState {
    return { ...this.importance.state(), kept: this.#kept };
  }

  restore(state: SamplerState): void {
    this.importance.restore(state);
    this.#kept = Uint8Array.from(state.kept ?? []);
  }

  /** Epochs since the first selection that are a whole number of intervals. */
  #isDue(epoch: number): boolean {
    const { warmupEpochs, selectEvery } = this.options;
    return epoch > warmupEpochs && selectEvery > 0 && (epoch - warmupEpochs) % selectEvery === 0;
  }

  #trainsOnAll(epoch: number): boolean {
    const { warmupEpochs, scoring, score } = this.options;
    return epoch < warmupEpochs || (scoring === 'training' && score !== 'chance' && this.#isDue(epoch));
  }

  #selectsBefore(epoch: number): boolean {
    const { warmupEpochs, scoring, score } = this.options;
    if (epoch === warmupEpochs) return true;
    // What an epoch of training has found counts from the next on.
    return this.#isDue(scoring === 'training' && score !== 'chance' ? epoch - 1 : epoch);
  }

  #select(epoch: number): void {
    const { size, keep, skipHardest, balance, seed, score, onSelected } = this.options;
    const order = new Permutation(size, STREAM, seed, epoch);
    const scores =
      score === 'chance' ? Float32Array.from({ length: size }, (_, i) => order.at(i)) : this.importance.scores;
    const selection = selectMost(scores, {
      keep,
      skipHardest: score === 'chance' ? 0 : skipHardest,
      balance,
      rank: (sample) => order.at(sample),
    });
    const before = this.#kept;
    this.#kept = selection.kept;
    onSelected?.(epoch, selection, this.importance, before);
  }
}

export interface InfoBatchOptions {
  readonly size: number;
  readonly epochs: number;
  /** Share of the samples with less than the mean loss that an epoch leaves out. */
  readonly ratio: number;
  /** Share of the epochs after which all samples are trained on. */
  readonly anneal: number;
  readonly seed: number;
}

/** Losses of samples that nothing is known of, as in the authors' code. */
const UNKNOWN_LOSS = 3;

/**
 * InfoBatch (Qin et al., 2024, algorithm 1): of the samples with less than the mean loss, a share is left out by chance, and
 * the others of them weigh as much more; the last epochs see everything.
 */
export class InfoBatch implements Sampler {
  readonly epochs: number;
  readonly #losses: Float32Array;

  constructor(readonly options: InfoBatchOptions) {
    this.epochs = options.epochs;
    this.#losses = new Float32Array(options.size).fill(UNKNOWN_LOSS);
  }

  /** How many will be left out is not known before; the learning rate follows the epochs. */
  expected(): number {
    return this.options.size;
  }

  scoresBefore(): boolean {
    return false;
  }

  record(sample: number, { logits, label, featureNorm }: Outcome): void {
    this.#losses[sample] = judge({ logits, label, featureNorm }).loss;
  }

  plan(epoch: number): EpochPlan {
    const { size, epochs, ratio, anneal, seed } = this.options;
    if (epoch >= Math.floor(anneal * epochs)) return { samples: everything(size), record: true };
    const mean = this.#losses.reduce((sum, loss) => sum + loss, 0) / size;
    const easy = everything(size).filter((sample) => this.#losses[sample]! < mean);
    const order = new Permutation(Math.max(1, easy.length), STREAM, seed, epoch);
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
