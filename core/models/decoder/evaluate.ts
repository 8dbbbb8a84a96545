import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HeldOutBlocks } from '../../data/text/batches';
import type { HostTensor } from '../../engine/host';
import { i32, item } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../../engine/runtime/runtime';
import type { DecoderConfig } from './config';
import type { TokenBatch } from './language-model';
import { scoreTokens } from './language-model';

export interface LanguageModelScore {
  /** Mean cross-entropy of the next token, nats. */
  readonly loss: number;
  /** exp(loss). */
  readonly perplexity: number;
  /** Cross-entropy per byte of text, bits: comparable across tokenizers. */
  readonly bitsPerByte: number;
  /** Share of the tokens that were predicted correctly. */
  readonly accuracy: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/** A model's tensors; those that are not trained may be in a separate branch. */
export type ModelState = { own: Named<Tensor>; frozen: Named<Tensor> };

type ScoreProgram = Program<ModelState, TokenBatch, { nats: Tensor; hits: Tensor }>;

/** Scores a decoder on held-out text; compiled once, usable between training steps. */
export class Evaluator {
  readonly #score: ScoreProgram;

  /** @param view the model's tensors among those that are given, if it is a part of them: a size of a nested model */
  constructor(
    runtime: Runtime,
    config: DecoderConfig,
    view: (parameters: Named<Tensor>) => Named<Tensor> = (parameters) => parameters,
  ) {
    this.#score = runtime.compile('held-out score', ({ own, frozen }, batch) => {
      const { nats, hit } = scoreTokens(config, view({ ...frozen, ...own }), batch);
      return { metrics: { nats: tf.sum(nats), hits: tf.sum(hit) } };
    });
  }

  /**
   * @param share of the held-out text to use: see `HeldOutBlocks.part`
   * @param shape of the batches that `blocks` makes
   */
  async score(
    model: DeviceState<ModelState>,
    blocks: HeldOutBlocks,
    shape: { readonly batchSize: number; readonly blockLength: number },
    { share = 1, signal }: { share?: number; signal?: AbortSignal } = {},
  ): Promise<LanguageModelScore> {
    const dims = [shape.batchSize, shape.blockLength];
    let nats = 0;
    let hits = 0;
    let tokens = 0;
    let bytes = 0;
    for (const batch of blocks.part(share)) {
      signal?.throwIfAborted();
      const result = await this.#score.run(model, {
        inputs: i32(dims, batch.inputs),
        targets: i32(dims, batch.targets),
      });
      nats += item(result.nats);
      hits += item(result.hits);
      tokens += batch.targetCount;
      bytes += batch.bytes;
    }
    const loss = nats / tokens;
    return { loss, perplexity: Math.exp(loss), bitsPerByte: nats / Math.LN2 / bytes, accuracy: hits / tokens, tokens };
  }
}

/** Scores a model in main memory on a runtime that is disposed of afterwards. */
export async function scoreDecoder(
  runtime: Runtime,
  config: DecoderConfig,
  parameters: Named<HostTensor>,
  blocks: HeldOutBlocks,
  shape: { readonly batchSize: number; readonly blockLength: number },
  signal: AbortSignal,
  share = 1,
): Promise<LanguageModelScore> {
  try {
    const model = runtime.upload<ModelState>({ own: parameters, frozen: {} });
    return await new Evaluator(runtime, config).score(model, blocks, shape, { share, signal });
  } finally {
    await runtime.dispose();
  }
}
