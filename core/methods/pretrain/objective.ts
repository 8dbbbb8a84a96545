import type { TextSplit } from '../../data/text/split';
import type { Tokenizer } from '../../data/tokenizer/tokenizer';
import type { RunContext } from '../../experiments/method';
import type { PretrainArtifact } from './artifacts';
import type { PretrainConfig } from './config';

/** Name of the final checkpoint. */
export const FINAL = 'final';

/** The phase in which the model is trained. */
export const PHASE = 'train';

/** A prepared corpus: its tokenizer, and its tokens split into two parts. */
export interface Sources {
  readonly tokenizerPath: string;
  readonly tokenizer: Tokenizer;
  readonly split: TextSplit;
}

/** A training objective: its tokenizer, its model, and its evaluation. */
export interface Objective {
  /** @returns the content of a `tokenizer.json` */
  trainTokenizer(texts: AsyncIterable<string>, vocabulary: number): Promise<unknown>;
  /** Trains, evaluates and saves the model as the checkpoint `FINAL`. */
  train(
    config: PretrainConfig,
    context: RunContext,
    sources: Sources,
  ): Promise<Pick<PretrainArtifact, 'heldOut' | 'steps'>>;
}

/** Number of optimizer steps. @param blocks sequences per epoch */
export const stepsOf = ({ epochs, training }: PretrainConfig, blocks: number): number =>
  Math.ceil((epochs * blocks) / (training.batchSize * training.accumulate));
