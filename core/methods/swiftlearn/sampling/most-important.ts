import type { ScoreKind } from '../../../protocol/importance';
import { Permutation } from '../../../data/permutation';
import { drawByScore, type Draw } from './drawing';
import { Importance } from './importance';
import { everything, ORDER_STREAM, type EpochPlan, type Sampler, type SamplerState } from './sampler';
import { passesNeeded, type Outcome } from './scores';
import { groupsOf, keptCount, selectMost, type ClassLabels, type Selection, type SelectionOptions } from './selection';
import { listWrongLabels, WrongLabelsEstimate, type Suspects } from './wrong-labels';

/** Identifier of the random stream for drawing samples. */
const DRAW_STREAM = 202;

export const CHOICES = ['highest', 'drawn'] as const;
export type Choice = (typeof CHOICES)[number];

export interface MostImportantOptions {
  readonly size: number;
  /** Number of logits per sample. */
  readonly outputs: number;
  readonly epochs: number;
  /** Epochs on all samples at the start. */
  readonly warmupEpochs: number;
  /** Epochs on all samples at the end. */
  readonly finalEpochs: number;
  /** Epochs between two selections; 0 for a single selection. */
  readonly selectEvery: number;
  /** Scores come from a pass without training before each selection, or for free from epochs of training on all samples. */
  readonly scoring: 'pass' | 'training';
  /** `chance` draws a random score for every sample at each selection: the control. */
  readonly score: ScoreKind | 'chance';
  /**
   * Keep the highest scores until the next selection, or draw anew in each epoch with probabilities that follow the scores.
   */
  readonly choice: Choice;
  readonly smoothing: number;
  readonly keep: number;
  /** 'auto' leaves out the samples whose labels look wrong: see `countWrongLabels`. */
  readonly skipHardest: number | 'auto';
  /** Of the samples, for an estimate of how many are wrong; undefined if labels are not classes. */
  readonly labels?: ClassLabels | undefined;
  /** Whether training blends samples, so that its predictions are of none of them. */
  readonly mixes?: boolean;
  readonly balance?: SelectionOptions['balance'];
  readonly seed: number;
  readonly onSelected?: ((epoch: number, selected: Selected) => void) | undefined;
}

/** A selection, and what it was made from. */
export interface Selected {
  readonly selection: Selection;
  readonly importance: Importance;
  /** 1 for samples that the previous selection kept; at first, all. */
  readonly before: Uint8Array;
  /** Undefined if labels are not classes. */
  readonly suspects: Suspects | undefined;
}

/** All samples at first, then the most important fraction, reselected at intervals (SwiftLearn, arXiv 2311.15134). */
export class MostImportant implements Sampler {
  readonly epochs: number;
  readonly importance: Importance;
  /** Samples per epoch after the warm-up. */
  readonly #count: number;
  #kept: Uint8Array;
  readonly #wrong = new WrongLabelsEstimate();

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
    // Scores that are compared or smoothed between passes need the passes of the warm-up as well.
    return epoch > 0 && epoch < warmupEpochs && (smoothing > 0 || passesNeeded(score) > 1);
  }

  record(sample: number, outcome: Outcome, during: 'pass' | 'training'): void {
    if (during === this.options.scoring) this.importance.record(sample, outcome);
    else this.importance.recordAnswer(sample, outcome);
  }

  trained(epoch: number): void {
    const { scoring, warmupEpochs } = this.options;
    if (!this.#trainsOnAll(epoch) || this.#isFinal(epoch) || !this.#recordsAll(epoch)) return;
    // In the first epoch, a model has just begun to learn: its predictions count only where no others come in time.
    const hasOthers = scoring === 'pass' || warmupEpochs > 1;
    if (epoch > 0 || !hasOthers) this.#estimate();
  }

  plan(epoch: number): EpochPlan {
    const { size, scoring, choice } = this.options;
    const isDrawn = choice === 'drawn';
    if (this.scoresBefore(epoch)) this.#estimate();
    if (!isDrawn && this.#selectsBefore(epoch)) {
      const suspects = this.suspects();
      this.#keep(epoch, this.#highest(epoch, suspects), suspects);
    }
    if (this.#trainsOnAll(epoch)) return { samples: everything(size), record: this.#recordsAll(epoch) };
    if (!isDrawn) return { samples: this.#keptSamples(), record: false };
    const suspects = this.suspects();
    const draw = this.#drawn(epoch, suspects);
    this.#keep(epoch, draw, suspects);
    const samples = this.#keptSamples();
    // Training on the drawn samples gives their new scores for free.
    const weights = Float32Array.from(samples, (sample) => draw.weights[sample]!);
    return { samples, weights, record: scoring === 'training' };
  }

  /** The samples that look mislabeled so far; undefined if labels are not classes, or before the first estimate. */
  suspects(): Suspects | undefined {
    const { labels } = this.options;
    const { answers } = this.importance;
    const wrong = this.#wrong.value;
    return labels && answers && wrong ? listWrongLabels(answers, labels, wrong) : undefined;
  }

  state(): SamplerState {
    return { ...this.importance.state(), wrong: this.#wrong.state, kept: this.#kept };
  }

  restore(state: SamplerState): void {
    this.importance.restore(state);
    this.#kept = Uint8Array.from(state.kept ?? []);
    // Checkpoints of earlier versions have no estimate.
    if (state.wrong) this.#wrong.state.set(state.wrong);
  }

  /** Estimates how many labels are wrong from new predictions of all samples. */
  #estimate(): void {
    const { labels } = this.options;
    const { answers } = this.importance;
    if (labels && answers) this.#wrong.add(answers, labels, this.#kept);
  }

  /**
   * Whether the outcomes of training on all samples are recorded: as scores, or, in the warm-up, to find wrong labels. A
   * prediction of the first epoch is made before the model has seen the label, one of the second when it has seen it once;
   * a pass after that comes too late where labels are quickly learned by heart.
   */
  #recordsAll(epoch: number): boolean {
    const { score, scoring, labels, mixes, warmupEpochs } = this.options;
    if (score === 'chance') return false;
    return scoring === 'training' || (labels !== undefined && !mixes && epoch < warmupEpochs);
  }

  /** Whether a whole number of intervals has passed since the first selection. */
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
    // Scores from an epoch of training are used from the next epoch on.
    return this.#isDue(scoring === 'training' && score !== 'chance' ? epoch - 1 : epoch);
  }

  #keptSamples(): Uint32Array {
    const samples = new Uint32Array(this.#kept.reduce((sum, kept) => sum + kept, 0));
    for (let i = 0, at = 0; i < this.#kept.length; i++) if (this.#kept[i] === 1) samples[at++] = i;
    return samples;
  }

  #keep(epoch: number, selection: Selection, suspects: Suspects | undefined): void {
    const before = this.#kept;
    this.#kept = selection.kept;
    this.options.onSelected?.(epoch, { selection, importance: this.importance, before, suspects });
  }

  #skipped(suspects: Suspects | undefined): SelectionOptions['skipHardest'] {
    const { skipHardest } = this.options;
    return skipHardest === 'auto' ? (suspects ?? 0) : skipHardest;
  }

  #highest(epoch: number, suspects: Suspects | undefined): Selection {
    const { size, keep, balance, seed, score } = this.options;
    const order = new Permutation(size, ORDER_STREAM, seed, epoch);
    const rank = (sample: number) => order.at(sample);
    if (score !== 'chance')
      return selectMost(this.importance.scores, { keep, skipHardest: this.#skipped(suspects), balance, rank });
    return selectMost(
      Float32Array.from({ length: size }, (_, i) => order.at(i)),
      { keep, skipHardest: 0, balance, rank },
    );
  }

  #drawn(epoch: number, suspects: Suspects | undefined): Draw {
    const { size, keep, balance, seed } = this.options;
    const order = new Permutation(size, ORDER_STREAM, seed, epoch);
    const rank = (sample: number) => order.at(sample);
    const stream = [DRAW_STREAM, seed, epoch];
    const skipHardest = this.#skipped(suspects);
    return drawByScore(this.importance.scores, { keep, skipHardest, balance, rank, stream });
  }
}
