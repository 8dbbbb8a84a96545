import type { MaskedHeldOutBlocks, MaskedTrainingBlocks } from '../data/text/masked-blocks';
import type { HostTensor } from '../engine/host';
import type { Named } from '../engine/optimizer';
import type { TrainingContext } from './context';
import { loadEncoder, saveEncoder } from '../models/encoder/checkpoint';
import type { EncoderConfig } from '../models/encoder/config';
import {
  MaskedEvaluator,
  maskedInputs,
  maskedLoss,
  type MaskedInputs,
  type MaskedScore,
} from '../models/encoder/masked-language-model';
import type { TrainingConfig } from './config';
import { trainModel } from './train-model';

export interface EncoderTraining {
  /** Name of this training within the run, used in events and the checkpoint. */
  readonly phase: string;
  readonly encoder: EncoderConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly tokenizerPath: string;
  /** Initial parameters, unless there is a checkpoint of this phase. */
  readonly parameters: Named<HostTensor>;
  readonly training: TrainingConfig;
  readonly train: MaskedTrainingBlocks;
  readonly heldOut: MaskedHeldOutBlocks;
  readonly blockLength: number;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly evaluateShare: number;
}

/** A score as metrics of a run, the most informative first. */
export const maskedMetrics = ({ perplexity, accuracy, loss }: Omit<MaskedScore, 'tokens'>): Record<string, number> => ({
  'heldOut/perplexity': perplexity,
  'heldOut/accuracy': accuracy,
  'heldOut/loss': loss,
});

/** Trains an encoder to predict masked tokens: see `trainModel`. @returns the parameters to keep */
export async function trainEncoder(context: TrainingContext, options: EncoderTraining): Promise<Named<HostTensor>> {
  const { encoder, training, train, heldOut, blockLength } = options;
  const { batchSize } = training;
  const { parameters } = await trainModel<MaskedInputs>(context, {
    phase: options.phase,
    parameters: options.parameters,
    loss: (values, batch) => maskedLoss(encoder, values, batch),
    training,
    steps: options.steps,
    unit: 'tokens',
    unitsPerBatch: batchSize * blockLength,
    batch: (number) => maskedInputs(train.batch(number), batchSize),
    evaluateEvery: options.evaluateEvery,
    evaluator: (runtime, trainer) => {
      const evaluator = new MaskedEvaluator(runtime, encoder);
      return async () => {
        const part = { share: options.evaluateShare, signal: context.signal };
        const score = await evaluator.score(trainer.evaluated, heldOut, batchSize, part);
        const right = `${(100 * score.accuracy).toFixed(1)} % of the masked tokens predicted correctly`;
        return { metrics: maskedMetrics(score), text: `held-out perplexity ${score.perplexity.toFixed(2)}, ${right}` };
      };
    },
    load: (dir) => loadEncoder(dir, { head: 'masked' }),
    save: (dir, state) => saveEncoder(dir, { ...state, json: options.json, tokenizerFrom: options.tokenizerPath }),
  });
  return parameters;
}
