import type { HeldOutBlocks, TrainingBlocks } from '../data/text/batches';
import type { HostTensor } from '../engine/host';
import { i32 } from '../engine/host';
import type { Named } from '../engine/optimizer';
import type { TrainingContext } from './context';
import { loadDecoder, saveDecoder } from '../models/decoder/checkpoint';
import type { DecoderConfig } from '../models/decoder/config';
import type { LanguageModelScore, ModelState } from '../models/decoder/evaluate';
import { Evaluator } from '../models/decoder/evaluate';
import type { TokenBatch } from '../models/decoder/language-model';
import { nextTokenLoss } from '../models/decoder/language-model';
import type { Copied } from '../models/save';
import type { TrainingConfig } from './config';
import { trainModel } from './train-model';
import type { LossFunction } from './trainer';

export interface DecoderTraining extends Copied {
  /** Name of this training within the run, used in events and the checkpoint. */
  readonly phase: string;
  readonly decoder: DecoderConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly tokenizerPath: string;
  /** Initial parameters, unless there is a checkpoint of this phase. */
  readonly parameters: Named<HostTensor>;
  /** Tensors of the model that are not trained. */
  readonly frozen?: Named<HostTensor>;
  /** Tensors that the loss needs but the model does not have, under their own names: a teacher's. */
  readonly companions?: Named<HostTensor>;
  readonly loss?: LossFunction<TokenBatch>;
  readonly training: TrainingConfig;
  readonly train: TrainingBlocks;
  readonly heldOut: HeldOutBlocks;
  readonly blockLength: number;
  readonly steps: number;
  /** Steps of the data stream that earlier phases used, so that a later phase reads fresh text. */
  readonly dataOffset?: number;
  readonly evaluateEvery: number;
  readonly evaluateShare: number;
}

export interface TrainedDecoder {
  readonly parameters: Named<HostTensor>;
  /** Median over the steps of this process; undefined if there were none. */
  readonly tokensPerSecond: number | undefined;
}

/** A score as metrics of a run, the most informative first: lists and terminals show as many as fit. */
export const heldOutMetrics = ({
  perplexity,
  accuracy,
  loss,
  bitsPerByte,
}: Omit<LanguageModelScore, 'tokens'>): Record<string, number> => ({
  'heldOut/perplexity': perplexity,
  'heldOut/accuracy': accuracy,
  'heldOut/loss': loss,
  'heldOut/bitsPerByte': bitsPerByte,
});

/** Trains a decoder on next-token prediction: see `trainModel`. */
export async function trainDecoder(context: TrainingContext, options: DecoderTraining): Promise<TrainedDecoder> {
  const { decoder, training, train, heldOut, blockLength, dataOffset = 0 } = options;
  const { batchSize, accumulate } = training;
  const dims = [batchSize, blockLength];
  const { parameters, rate } = await trainModel<TokenBatch>(context, {
    phase: options.phase,
    parameters: options.parameters,
    frozen: { ...options.frozen, ...options.companions },
    loss: options.loss ?? ((values, batch, frozen) => nextTokenLoss(decoder, { ...frozen, ...values }, batch)),
    training,
    steps: options.steps,
    unit: 'tokens',
    unitsPerBatch: batchSize * blockLength,
    batch: (number) => {
      const { inputs, targets } = train.batch(dataOffset * accumulate + number);
      return { inputs: i32(dims, inputs), targets: i32(dims, targets) };
    },
    evaluateEvery: options.evaluateEvery,
    evaluator: (runtime, trainer) => {
      const evaluator = new Evaluator(runtime, decoder);
      return async () => {
        const whole = runtime.combine<ModelState>({ own: trainer.evaluated, frozen: trainer.frozen });
        const part = { share: options.evaluateShare, signal: context.signal };
        const score = await evaluator.score(whole, heldOut, { batchSize, blockLength }, part);
        return { metrics: heldOutMetrics(score), text: `held-out perplexity ${score.perplexity.toFixed(2)}` };
      };
    },
    load: loadDecoder,
    save: (dir, state) =>
      saveDecoder(dir, {
        ...state,
        json: options.json,
        configText: options.configText,
        extraFiles: options.extraFiles,
        parameters: { ...options.frozen, ...state.parameters },
        tokenizerFrom: options.tokenizerPath,
      }),
  });
  return { parameters, tokensPerSecond: rate };
}
