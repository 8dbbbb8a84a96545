import type { TextSplit } from '../../data/text/split';
import type { Tokenizer } from '../../data/tokenizer/tokenizer';
import type { RunContext } from '../../experiments/method';
import type { PretrainArtifact } from './artifacts';
import type { PretrainConfig } from './config';

/** The checkpoint that a pretraining ends with. */
export const FINAL = 'final';

/** The phase of a run in which the model learns. */
export const PHASE = 'train';

/** A corpus made ready: its tokenizer, and its tokens in two parts. */
export interface Sources {
  readonly tokenizerPath: string;
  readonly tokenizer: Tokenizer;
  readonly split: TextSplit;
}

/** What a model is trained to predict: which tokenizer and which model that takes, and how it is evaluated. */
export interface Objective {
  /** A `tokenizer.json`. */
  trainTokenizer(texts: AsyncIterable<string>, vocabulary: number): Promise<unknown>;
  /** Trains, evaluates and saves the model as the checkpoint `FINAL`. */
  train(
    config: PretrainConfig,
    context: RunContext,
    sources: Sources,
  ): Promise<Pick<PretrainArtifact, 'heldOut' | 'steps'>>;
}

/** Steps over so many sequences per epoch. */
export const stepsOf = ({ epochs, training }: PretrainConfig, blocks: number): number =>
  Math.ceil((epochs * blocks) / (training.batchSize * training.accumulate));
