import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { HeldOutBlocks, WholeBlocks } from '../../../data/text/batches';
import type { TextSplit } from '../../../data/text/split';
import { f32, i32 } from '../../../engine/host';
import type { Named } from '../../../engine/optimizer';
import { loadDecoder, saveDecoder, type LoadedDecoder } from '../../../models/decoder/checkpoint';
import { Evaluator, type ModelState } from '../../../models/decoder/evaluate';
import { countParameters, flopsPerToken } from '../../../models/decoder/layout';
import { blockSignals, blockWorths } from './block-signals';
import type { Learner, SampleBatch } from './learner';
import { rowsInOrder, ShuffledRows } from '../data/rows';

/** Token blocks and their next tokens, int32 [batch, tokens]; the blocks' weights in the loss, float32 [batch]. */
type Batch<T = Tensor> = Readonly<Record<'inputs' | 'targets' | 'weights', T>>;

/** Identifier of a random stream. */
const ORDER = 231;

export interface LanguageLearnerOptions {
  /** The model that every training starts from, for all seeds. */
  readonly decoder: LoadedDecoder;
  readonly split: TextSplit;
  /** Fingerprint of the text and how it is split into blocks. */
  readonly fingerprint: string;
  /** Tokens per block. */
  readonly blockLength: number;
  readonly batchSize: number;
}

/** Continues the training of a decoder on text; the samples are consecutive blocks. @throws UserError `data.too-short` */
export function languageLearner(options: LanguageLearnerOptions): Learner<Batch> {
  const { decoder, split, fingerprint, blockLength, batchSize } = options;
  const { config } = decoder;
  const shape = { blockLength, batchSize };
  const blocks = new WholeBlocks(split.train, shape);
  const heldOut = new HeldOutBlocks(split.heldOut, shape);

  const batchOf = (samples: Uint32Array, shares: Float32Array): Promise<SampleBatch<Batch>> => {
    const { inputs, targets } = blocks.batch(samples);
    const weights = new Float32Array(batchSize);
    weights.set(shares);
    const dims = [batchSize, blockLength];
    const batch = { inputs: i32(dims, inputs), targets: i32(dims, targets), weights: f32([batchSize], weights) };
    return Promise.resolve({ batch, samples });
  };
  return {
    kind: 'language',
    size: blocks.count,
    heldOutSize: Math.ceil(heldOut.targetCount / blockLength),
    classes: [],
    outputs: 0,
    fingerprint,
    parameterCount: countParameters(config).total,
    // A token attends to half of its block on average.
    flopsPerSample: blockLength * flopsPerToken(config, blockLength / 2),
    metric: 'heldOut/accuracy',
    batchSize,
    parameters: () => Promise.resolve(decoder.parameters),
    loss(parameters, batch) {
      const signals = blockSignals(config, parameters, batch);
      return { loss: tf.sum(tf.mul(signals.loss, batch.weights)), signals };
    },
    signals: (parameters, batch) => blockSignals(config, parameters, batch),
    outcomes: (samples, signals) => blockWorths(samples.length, signals),
    scoring: {
      count: Math.ceil(blocks.count / batchSize),
      take: (number) => batchOf(rowsInOrder(blocks.count, batchSize, number), new Float32Array(0)),
    },
    training({ samples, weights, seed, epoch }) {
      const rows = new ShuffledRows(samples, weights, batchSize, [ORDER, seed, epoch]);
      return {
        count: rows.count,
        take(number) {
          const { samples: chosen, shares } = rows.batch(number);
          return batchOf(chosen, shares);
        },
      };
    },
    evaluator(runtime) {
      const evaluator = new Evaluator(runtime, config);
      const frozen = runtime.upload<Named<Tensor>>({});
      return async (own, signal) => {
        const model = runtime.combine<ModelState>({ own, frozen });
        const { accuracy, perplexity, loss } = await evaluator.score(model, heldOut, shape, { signal });
        return {
          metrics: { 'heldOut/accuracy': accuracy, 'heldOut/perplexity': perplexity, 'heldOut/loss': loss },
          text: `${(100 * accuracy).toFixed(2)} % of the tokens right, perplexity ${perplexity.toFixed(2)}`,
        };
      };
    },
    save: (dir, model) => {
      const { json, configText, extraFiles, tokenizerPath: tokenizerFrom } = decoder;
      return saveDecoder(dir, { json, configText, extraFiles, tokenizerFrom, ...model });
    },
    load: async (dir) => (await loadDecoder(dir)).parameters,
  };
}
