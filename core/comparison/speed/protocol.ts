import type { Provider } from '../../engine/runtime/runtime';
import type { Skip } from '../../models/vit/skip';

/** What a stopwatch process is to time: all that shapes the computation, and nothing of the data. */
export interface Subject {
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly batchSize: number;
  readonly device: { readonly provider: Provider; readonly threads: number };
  /** Which tokens are skipped in training and in inference. */
  readonly skip?: Skip | undefined;
  readonly skipWhenUsed?: Skip | undefined;
}

/** What the process is asked for; it answers each with one number. */
export type Question =
  /** Makes the model and its programs ready. Answer: 0. */
  | { readonly ask: 'prepare'; readonly subject: Subject }
  /** Seconds of a training step. */
  | { readonly ask: 'train' }
  /** Seconds of a forward pass without gradients. */
  | { readonly ask: 'infer' }
  /** Bytes of resident memory that it has added to its process at most. */
  | { readonly ask: 'memory' };

export type Answer = { readonly value: number } | { readonly problem: string };
