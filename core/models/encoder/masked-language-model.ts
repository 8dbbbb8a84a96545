import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { MaskedBatch, MaskedHeldOutBlocks } from '../../data/text/masked-blocks';
import { i32, item, type HostTensor } from '../../engine/host';
import { crossEntropy, hits, meanCrossEntropy } from '../../engine/ops/loss';
import type { Named } from '../../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../../engine/runtime/runtime';
import type { EncoderConfig } from './config';
import { maskedLogits } from './forward';

/** Sequences with tokens to predict: ids and mask int32 [batch, tokens], positions and targets int32 [batch * slots]. */
export type MaskedInputs<T = Tensor> = Readonly<Record<'ids' | 'mask' | 'positions' | 'targets', T>>;

/** Converts a batch of data to the model's input. */
export function maskedInputs(batch: MaskedBatch, batchSize: number): MaskedInputs<HostTensor> {
  const shape = [batchSize, batch.ids.length / batchSize];
  const flat = (values: Int32Array) => i32([values.length], values);
  return {
    ids: i32(shape, batch.ids),
    mask: i32(shape, batch.mask),
    positions: flat(batch.positions),
    targets: flat(batch.targets),
  };
}

/** Running text is a single segment. */
const logitsOf = (config: EncoderConfig, parameters: Named<Tensor>, { ids, mask, positions }: MaskedInputs): Tensor =>
  maskedLogits(config, parameters, { ids, mask, types: tf.zeros(ids.shape, 'int32') }, positions);

/** Mean cross-entropy of the masked tokens, in nats. */
export const maskedLoss = (config: EncoderConfig, parameters: Named<Tensor>, batch: MaskedInputs): Tensor =>
  meanCrossEntropy(logitsOf(config, parameters, batch), batch.targets);

export interface MaskedScore {
  /** Mean cross-entropy of the masked tokens, nats. */
  readonly loss: number;
  /** exp(loss). */
  readonly perplexity: number;
  /** Share of the masked tokens that were predicted correctly. */
  readonly accuracy: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/** Scores an encoder on held-out text; compiled once, usable between training steps. */
export class MaskedEvaluator {
  readonly #score: Program<Named<Tensor>, MaskedInputs, { nats: Tensor; hits: Tensor }>;

  constructor(runtime: Runtime, config: EncoderConfig) {
    this.#score = runtime.compile('held-out score', (parameters, batch) => {
      const logits = logitsOf(config, parameters, batch);
      const { targets } = batch;
      return { metrics: { nats: tf.sum(crossEntropy(logits, targets)), hits: tf.sum(hits(logits, targets)) } };
    });
  }

  /** @param share of the held-out text to use: see `HeldOutBlocks.part` */
  async score(
    model: DeviceState<Named<Tensor>>,
    blocks: MaskedHeldOutBlocks,
    batchSize: number,
    { share = 1, signal }: { share?: number; signal?: AbortSignal } = {},
  ): Promise<MaskedScore> {
    let nats = 0;
    let right = 0;
    let tokens = 0;
    for (const batch of blocks.part(share)) {
      signal?.throwIfAborted();
      const result = await this.#score.run(model, maskedInputs(batch, batchSize));
      nats += item(result.nats);
      right += item(result.hits);
      tokens += batch.targetCount;
    }
    const loss = nats / tokens;
    return { loss, perplexity: Math.exp(loss), accuracy: right / tokens, tokens };
  }
}
