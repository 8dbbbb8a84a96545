import type { ScoreKind } from '../../../protocol/importance';
import { Permutation } from '../../../data/permutation';
import { drawByScore, type Draw } from './drawing';
import { Importance } from './importance';
import { everything, ORDER_STREAM, type EpochPlan, type Sampler, type SamplerState } from './sampler';
import { passesNeeded, type Outcome } from './scores';
import { groupsOf, keptCount, selectMost, type Selection, type SelectionOptions } from './selection';

/** Names the stream of random numbers of a seed by which samples are drawn. */
const DRAW_STREAM = 202;

export const CHOICES = ['highest', 'drawn'] as const;
export type Choice = (typeof CHOICES)[number];

export interface MostImportantOptions {
  readonly size: number;
  /** Logits of a sample. */
  readonly outputs: number;
  readonly epochs: number;
  /** Epochs on all samples at the beginning. */
  readonly warmupEpochs: number;
  /** Epochs on all samples at the end. */
  readonly finalEpochs: number;
  /** Epochs between two selections; 0 for one selection alone. */
  readonly selectEvery: number;
  /** Scores come from a pass without training before each selection, or for free from epochs of training on all samples. */
  readonly scoring: 'pass' | 'training';
  /** `chance` draws a score for every sample at each selection: the control. */
  readonly score: ScoreKind | 'chance';
  /** The highest scores until the next selection, or others in each epoch with chances in proportion to their scores. */
  readonly choice: Choice;
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
  /** Samples of an epoch after the warm-up. */
  readonly #count: number;
  #kept: Uint8Array;

  constructor(readonly options: MostImportantOptions) {
    const { size, outputs, epochs, score, smoothing, keep, balance } = options;
    this.epochs = epochs;
    this.importance = new Importance(size, outputs, score === 'chance' ? 'loss' : score, smoothing);
    this.#kept = new Uint8Array(size).fill(1);
    const groups = balance ? groupsOf(size, balance) : [{ length: size }];
    this.#count = groups.reduce((sum, { length }) => sum + keptCount(length, keep), 0);
  }

  expected(epoch: number): number {
    return this.#trainsOnAll(epoch) ? this.options.size : this.#count;
  }

  scoresBefore(epoch: number): boolean {
    const { score, scoring, warmupEpochs, smoothing } = this.options;
    if (score === 'chance' || scoring === 'training') return false;
    if (this.#selectsBefore(epoch)) return true;
    // What is compared or smoothed between passes needs those of the warm-up as well.
    return epoch > 0 && epoch < warmupEpochs && (smoothing > 0 || passesNeeded(score) > 1);
  }

  record(sample: number, outcome: Outcome): void {
    this.importance.record(sample, outcome);
  }

  plan(epoch: number): EpochPlan {
    const { size, scoring, score, choice } = this.options;
    const isDrawn = choice === 'drawn';
    if (!isDrawn && this.#selectsBefore(epoch)) this.#keep(epoch, this.#highest(epoch));
    if (this.#trainsOnAll(epoch))
      return { samples: everything(size), record: scoring === 'training' && score !== 'chance' };
    if (!isDrawn) return { samples: this.#keptSamples(), record: false };
    const draw = this.#drawn(epoch);
    this.#keep(epoch, draw);
    const samples = this.#keptSamples();
    // What is drawn may tell its new score for free.
    const weights = Float32Array.from(samples, (sample) => draw.weights[sample]!);
    return { samples, weights, record: scoring === 'training' };
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

  #isFinal(epoch: number): boolean {
    return epoch >= this.epochs - this.options.finalEpochs;
  }

  #trainsOnAll(epoch: number): boolean {
    const { warmupEpochs, scoring, score } = this.options;
    if (this.#isFinal(epoch)) return true;
    return epoch < warmupEpochs || (scoring === 'training' && score !== 'chance' && this.#isDue(epoch));
  }

  #selectsBefore(epoch: number): boolean {
    const { warmupEpochs, scoring, score } = this.options;
    if (this.#isFinal(epoch)) return false;
    if (epoch === warmupEpochs) return true;
    // What an epoch of training has found counts from the next on.
    return this.#isDue(scoring === 'training' && score !== 'chance' ? epoch - 1 : epoch);
  }

  #keptSamples(): Uint32Array {
    const samples = new Uint32Array(this.#kept.reduce((sum, kept) => sum + kept, 0));
    for (let i = 0, at = 0; i < this.#kept.length; i++) if (this.#kept[i] === 1) samples[at++] = i;
    return samples;
  }

  #keep(epoch: number, selection: Selection): void {
    const before = this.#kept;
    this.#kept = selection.kept;
    this.options.onSelected?.(epoch, selection, this.importance, before);
  }

  #highest(epoch: number): Selection {
    const { size, keep, skipHardest, balance, seed, score } = this.options;
    const order = new Permutation(size, ORDER_STREAM, seed, epoch);
    const rank = (sample: number) => order.at(sample);
    if (score !== 'chance') return selectMost(this.importance.scores, { keep, skipHardest, balance, rank });
    return selectMost(
      Float32Array.from({ length: size }, (_, i) => order.at(i)),
      { keep, skipHardest: 0, balance, rank },
    );
  }

  #drawn(epoch: number): Draw {
    const { size, keep, skipHardest, balance, seed } = this.options;
    const order = new Permutation(size, ORDER_STREAM, seed, epoch);
    const rank = (sample: number) => order.at(sample);
    const stream = [DRAW_STREAM, seed, epoch];
    return drawByScore(this.importance.scores, { keep, skipHardest, balance, rank, stream });
  }
}
