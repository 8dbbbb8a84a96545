import * as l10n from '@vscode/l10n';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { IGNORED } from '../../data/text/batches';
import { choosePaddedLengths, LengthBatches } from '../../data/text/length-batches';
import type { MultipleChoiceItem } from '../../data/text/multiple-choice';
import type { Tokenizer } from '../../data/tokenizer/tokenizer';
import { floats, i32, type HostTensor } from '../../engine/host';
import { branchMask } from '../../engine/ops/attention';
import { crossEntropy } from '../../engine/ops/loss';
import type { Named } from '../../engine/optimizer';
import { UserError } from '../../errors';
import type { DeviceState, Program, Runtime } from '../../engine/runtime/runtime';
import { blocksOf } from '../../protocol/grouping';
import type { DecoderConfig } from './config';
import { hiddenStates, logits } from './forward';
import { packChoices, type Continuation, type PackedRow } from './packed-choices';

export interface MultipleChoiceScore {
  /** Share of the questions whose correct choice has the largest log-likelihood. */
  readonly accuracy: number;
  /** The same with the log-likelihood divided by the choice's bytes (lm-eval-harness's acc_norm). */
  readonly accuracyNormalized: number;
  readonly questions: number;
}

const BATCH = 16;

/** Rows of `PackedRow`, padded. */
type PackedBatch<T = Tensor> = Readonly<{
  /** int32 [batch, tokens]; branches of padding are below 0. */
  ids: T;
  positions: T;
  branches: T;
  /** Which of all batch * tokens tokens are scored, and what follows each: int32 [batch * targets of a row]. */
  at: T;
  targets: T;
}>;

/** Scores multiple-choice questions by the log-likelihood of each choice after its context. */
export class MultipleChoiceScorer {
  readonly #score: Program<Named<Tensor>, PackedBatch, { nats: Tensor }>;

  readonly #tokenizer: Tokenizer;
  readonly #maxTokens: number;

  /** @param maxTokens in longer questions, the beginning of the context is cut off */
  constructor(runtime: Runtime, config: DecoderConfig, tokenizer: Tokenizer, maxTokens: number) {
    this.#tokenizer = tokenizer;
    this.#maxTokens = maxTokens;
    this.#score = runtime.compile('multiple-choice score', (parameters, batch) => ({
      metrics: { nats: natsOf(config, parameters, batch) },
    }));
  }

  async score(
    parameters: DeviceState<Named<Tensor>>,
    items: readonly MultipleChoiceItem[],
    signal?: AbortSignal,
  ): Promise<MultipleChoiceScore> {
    const nats = await this.nats(parameters, items, signal);
    let right = 0;
    let rightNormalized = 0;
    let at = 0;
    for (const { choices, gold } of items) {
      const own = nats.subarray(at, at + choices.length);
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

  /**
   * The negative log-likelihood of every choice of every question, in order.
   * @throws UserError `task.no-context`
   */
  async nats(
    parameters: DeviceState<Named<Tensor>>,
    items: readonly MultipleChoiceItem[],
    signal?: AbortSignal,
  ): Promise<Float64Array> {
    const rows: PackedRow[] = [];
    let count = 0;
    for (const { context, choices } of items) {
      const tokenized = choices.map((choice) => this.#tokenize(context, choice));
      rows.push(...packChoices(tokenized, count, this.#maxTokens));
      count += choices.length;
    }
    const nats = new Float64Array(count);
    const lengths = Int32Array.from(rows, ({ ids }) => ids.length);
    const batches = new LengthBatches({ lengths, paddedLengths: choosePaddedLengths(lengths), batchSize: BATCH });
    const all = batches.epoch([0]);
    // As many for all batches of a length, since every shape is compiled.
    const mostOf = new Map<number, number>();
    for (const { length, samples } of all)
      mostOf.set(length, Math.max(mostOf.get(length) ?? 1, ...Array.from(samples, (i) => rows[i]!.targets.length)));
    for (const { length, samples } of all) {
      signal?.throwIfAborted();
      const most = mostOf.get(length)!;
      const chosen = Array.from(samples, (sample) => rows[sample]!);
      const result = floats((await this.#score.run(parameters, packedBatch(chosen, length, most))).nats);
      for (const [row, { targets }] of chosen.entries())
        for (const [i, { choice }] of targets.entries()) nats[choice]! += result[row * most + i]!;
    }
    return nats;
  }

  #tokenize(context: string, choice: string): Continuation {
    // Encoded together, as continuous text; the choice begins where the tokens of the context alone end.
    const own = this.#tokenizer.encode(context);
    const { eosId } = this.#tokenizer;
    // Without a context, a choice is the beginning of a document, after the end of another one.
    const before = own.length === 0 && eosId !== undefined ? [eosId] : [];
    const ids = [...before, ...this.#tokenizer.encode(context + choice)];
    if (ids.length < 2)
      throw new UserError(
        'task.no-context',
        l10n.t`The choice ${JSON.stringify(choice)} has no context and fewer than two tokens, so nothing in it can be predicted.`,
        l10n.t('Give the question a context.'),
      );
    const cut = Math.max(0, ids.length - this.#maxTokens);
    // At least the last token is predicted, where a choice merges with the end of its context.
    const from = Math.min(before.length + own.length - cut, ids.length - cut - 1);
    return { ids: ids.slice(cut), from: Math.max(1, from) };
  }
}

/** @param most targets of a row */
function packedBatch(rows: readonly PackedRow[], tokens: number, most: number): PackedBatch<HostTensor> {
  const size = BATCH * tokens;
  const [ids, positions, at] = [new Int32Array(size), new Int32Array(size), new Int32Array(BATCH * most)];
  const branches = new Int32Array(size).fill(-1);
  const targets = new Int32Array(BATCH * most).fill(IGNORED);
  for (const [row, packed] of rows.entries()) {
    ids.set(packed.ids, row * tokens);
    positions.set(packed.positions, row * tokens);
    branches.set(packed.branches, row * tokens);
    for (const [i, target] of packed.targets.entries()) {
      at[row * most + i] = row * tokens + target.at;
      targets[row * most + i] = target.id;
    }
  }
  const shape = [BATCH, tokens];
  return {
    ids: i32(shape, ids),
    positions: i32(shape, positions),
    branches: i32(shape, branches),
    at: i32([BATCH * most], at),
    targets: i32([BATCH * most], targets),
  };
}

/** Nats of each target: [batch * targets of a row]. Only for these, logits are computed. */
function natsOf(config: DecoderConfig, parameters: Named<Tensor>, batch: PackedBatch): Tensor {
  const { ids, positions, branches } = batch;
  const [rows, tokens] = ids.shape as [number, number];
  const { queries } = blocksOf(config.grouping);
  const hidden = hiddenStates(config, parameters, ids, {
    batch: rows,
    tokens,
    positions,
    keyPositions: positions,
    // A row may be padded beyond the longest sequence.
    maxPosition: Math.min(tokens, config.maxPositions),
    mask: (layer) => branchMask(positions, branches, queries, config.window(layer)),
  });
  const asked = tf.gather(hidden, batch.at);
  return crossEntropy(logits(config, parameters, asked), batch.targets);
}

const leastOf = (values: Float64Array): number => values.indexOf(Math.min(...values));
