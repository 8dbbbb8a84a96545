import type { HeldOutBlocks, TrainingBlocks } from '../data/text/batches';
import type { HostTensor } from '../engine/host';
import { i32 } from '../engine/host';
import type { Named } from '../engine/optimizer';
import type { TrainingContext } from './context';
import { loadDecoder, saveDecoder } from '../models/decoder/checkpoint';
import type { DecoderConfig, Ranks } from '../models/decoder/config';
import type { LanguageModelScore, ModelState } from '../models/decoder/evaluate';
import { Evaluator } from '../models/decoder/evaluate';
import type { TokenBatch } from '../models/decoder/language-model';
import { nextTokenLoss } from '../models/decoder/language-model';
import { leading } from '../models/decoder/nested';
import type { Copied } from '../models/save';
import type { TrainingConfig } from './config';
import { trainModel, type LearningRateSpan } from './train-model';
import type { LossFunction } from './steps';

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
  /** The variant of the loss in a step, if there are several. @param step from 0 */
  variant?(step: number): number;
  /** The sizes of a nested model, which are evaluated instead of the whole. */
  readonly sizes?: readonly EvaluatedSize[];
  readonly training: TrainingConfig;
  readonly train: TrainingBlocks;
  readonly heldOut: HeldOutBlocks;
  readonly blockLength: number;
  readonly steps: number;
  readonly learningRateOver?: LearningRateSpan;
  /** Steps of the data stream that earlier phases used, so that a later phase reads fresh text. */
  readonly dataOffset?: number;
  readonly evaluateEvery: number;
  readonly evaluateShare: number;
}

/** A size of a nested model, and its name in metrics. */
export interface EvaluatedSize {
  readonly label: string;
  readonly ranks: Ranks;
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
    ...(options.learningRateOver && { learningRateOver: options.learningRateOver }),
    unit: 'tokens',
    unitsPerBatch: batchSize * blockLength,
    batch: (number) => {
      const { inputs, targets } = train.batch(dataOffset * accumulate + number);
      return { inputs: i32(dims, inputs), targets: i32(dims, targets) };
    },
    ...(options.variant && { variant: (number) => options.variant!(number / accumulate) }),
    evaluateEvery: options.evaluateEvery,
    evaluator: (runtime, trainer) => {
      const evaluators = options.sizes
        ? options.sizes.map(({ label, ranks }) => ({
            label,
            evaluator: new Evaluator(runtime, { ...decoder, ranks }, (all) => leading(all, decoder.ranks, ranks)),
          }))
        : [{ label: undefined, evaluator: new Evaluator(runtime, decoder) }];
      return async () => {
        const whole = runtime.combine<ModelState>({ own: trainer.evaluated, frozen: trainer.frozen });
        const part = { share: options.evaluateShare, signal: context.signal };
        const metrics: Record<string, number> = {};
        const texts: string[] = [];
        for (const { label, evaluator } of evaluators) {
          const score = await evaluator.score(whole, heldOut, { batchSize, blockLength }, part);
          if (label === undefined) Object.assign(metrics, heldOutMetrics(score));
          else metrics[`heldOut/perplexity/${label}`] = score.perplexity;
          texts.push(`${label === undefined ? '' : `${label} `}${score.perplexity.toFixed(2)}`);
        }
        return { metrics, text: `held-out perplexity ${texts.join(', ')}` };
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
