import type { Device } from '../../engine/runtime/runtime';
import type { Skip } from '../../models/vit/skip';

/** What a stopwatch process measures: everything that affects the computation, but no data. */
export interface Subject {
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly batchSize: number;
  readonly device: Device;
  /** Which tokens are skipped in training and in inference. */
  readonly skip?: Skip | undefined;
  readonly skipWhenUsed?: Skip | undefined;
}

/** A request to the process, which answers each with one number. */
export type Question =
  /** Prepares the model and compiles its programs. Answer: 0. */
  | { readonly ask: 'prepare'; readonly subject: Subject }
  /** Seconds of a training step. */
  | { readonly ask: 'train' }
  /** Seconds of a forward pass without gradients. */
  | { readonly ask: 'infer' }
  /** Peak resident memory that the model has added to its process, in bytes. */
  | { readonly ask: 'memory' };

export type Answer = { readonly value: number } | { readonly problem: string };
