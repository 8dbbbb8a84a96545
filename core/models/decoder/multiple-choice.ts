import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { IGNORED } from '../../data/text/batches';
import type { MultipleChoiceItem } from '../../data/text/multiple-choice';
import type { Tokenizer } from '../../data/tokenizer/tokenizer';
import { floats, i32 } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../../engine/runtime/runtime';
import type { DecoderConfig } from './config';
import type { TokenBatch } from './language-model';
import { scoreTokens } from './language-model';

export interface MultipleChoiceScore {
  /** Share of the questions whose correct choice has the largest log-likelihood. */
  readonly accuracy: number;
  /** The same with the log-likelihood divided by the choice's bytes (lm-eval-harness's acc_norm). */
  readonly accuracyNormalized: number;
  readonly questions: number;
}

const BATCH = 16;

interface Row {
  readonly ids: readonly number[];
  /** Index of the first token of the choice. */
  readonly from: number;
}

/** Scores multiple-choice questions by the log-likelihood of each choice after its context. */
export class MultipleChoiceScorer {
  readonly #score: Program<Named<Tensor>, TokenBatch, { nats: Tensor }>;

  readonly #tokenizer: Tokenizer;
  readonly #maxTokens: number;

  /** @param maxTokens in longer questions, the beginning of the context is cut off */
  constructor(runtime: Runtime, config: DecoderConfig, tokenizer: Tokenizer, maxTokens: number) {
    this.#tokenizer = tokenizer;
    this.#maxTokens = maxTokens;
    this.#score = runtime.compile('multiple-choice score', (parameters, batch) => {
      const [rows, tokens] = batch.inputs.shape as [number, number];
      return { metrics: { nats: tf.sum(tf.reshape(scoreTokens(config, parameters, batch).nats, [rows, tokens]), 1) } };
    });
  }

  async score(
    parameters: DeviceState<Named<Tensor>>,
    items: readonly MultipleChoiceItem[],
    signal?: AbortSignal,
  ): Promise<MultipleChoiceScore> {
    const rows = items.flatMap(({ context, choices }) => choices.map((choice) => this.#row(context, choice)));
    const longest = Math.max(2, ...rows.map(({ ids }) => ids.length));
    const nats: number[] = [];
    for (let at = 0; at < rows.length; at += BATCH) {
      signal?.throwIfAborted();
      nats.push(...(await this.#natsOf(parameters, rows.slice(at, at + BATCH), longest - 1)));
    }
    let right = 0;
    let rightNormalized = 0;
    let at = 0;
    for (const { choices, gold } of items) {
      const own = nats.slice(at, at + choices.length);
      at += choices.length;
      if (leastOf(own) === gold) right++;
      if (leastOf(own.map((value, i) => value / Buffer.byteLength(choices[i]!))) === gold) rightNormalized++;
    }
    return {
      accuracy: right / items.length,
      accuracyNormalized: rightNormalized / items.length,
      questions: items.length,
    };
  }

  #row(context: string, choice: string): Row {
    // Encoded together, as continuous text; the choice begins where the tokens of the context alone end.
    const before = this.#tokenizer.encode(context).length;
    const ids = this.#tokenizer.encode(context + choice);
    const cut = Math.max(0, ids.length - this.#maxTokens);
    return { ids: ids.slice(cut), from: Math.max(1, before - cut) };
  }

  async #natsOf(parameters: DeviceState<Named<Tensor>>, rows: readonly Row[], tokens: number): Promise<number[]> {
    const inputs = new Int32Array(BATCH * tokens);
    const targets = new Int32Array(BATCH * tokens).fill(IGNORED);
    rows.forEach(({ ids, from }, row) => {
      inputs.set(ids.slice(0, -1), row * tokens);
      for (let i = from; i < ids.length; i++) targets[row * tokens + i - 1] = ids[i]!;
    });
    const { nats } = await this.#score.run(parameters, {
      inputs: i32([BATCH, tokens], inputs),
      targets: i32([BATCH, tokens], targets),
    });
    return [...floats(nats).subarray(0, rows.length)];
  }
}

const leastOf = (values: readonly number[]): number => values.indexOf(Math.min(...values));
