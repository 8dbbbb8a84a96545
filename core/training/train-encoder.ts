import path from 'node:path';
import type { MaskedHeldOutBlocks, MaskedTrainingBlocks } from '../data/text/masked-blocks';
import type { HostTensor } from '../engine/host';
import type { Named } from '../engine/optimizer';
import { createRuntime } from '../engine/runtime/create';
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
import { adamWSettings, type TrainingConfig } from './config';
import { LAST, resumeTraining } from './last';
import { trainPhase } from './run';
import { Trainer } from './trainer';

export interface EncoderTraining {
  /** Name of this training within the run: events and the checkpoint carry it. */
  readonly phase: string;
  readonly encoder: EncoderConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly tokenizerPath: string;
  /** Where training starts, unless a checkpoint of this phase is there. */
  readonly parameters: Named<HostTensor>;
  readonly training: TrainingConfig;
  readonly train: MaskedTrainingBlocks;
  readonly heldOut: MaskedHeldOutBlocks;
  readonly blockLength: number;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly evaluateShare: number;
}

/** A score as metrics of a run, the most telling first. */
export const maskedMetrics = ({ perplexity, accuracy, loss }: Omit<MaskedScore, 'tokens'>): Record<string, number> => ({
  'heldOut/perplexity': perplexity,
  'heldOut/accuracy': accuracy,
  'heldOut/loss': loss,
});

/**
 * Trains an encoder to fill in masked tokens: events, evaluations and checkpoints on the way, resuming where it was cut.
 * @returns the parameters to keep
 */
export async function trainEncoder(context: TrainingContext, options: EncoderTraining): Promise<Named<HostTensor>> {
  const { phase, encoder, training, train, heldOut, blockLength, steps } = options;
  const { batchSize, accumulate, learningRate, warmup, floor } = training;
  const last = path.join(context.checkpointsDir, LAST);
  const resumed = await resumeTraining(context, phase, options.parameters, (dir) =>
    loadEncoder(dir, { head: 'masked' }),
  );

  const runtime = createRuntime(context.device);
  try {
    const trainer = new Trainer<MaskedInputs>(runtime, {
      loss: (values, batch) => maskedLoss(encoder, values, batch),
      parameters: options.parameters,
      optimizer: adamWSettings(training),
      averageDecay: training.averageDecay,
      schedule: { peak: learningRate, warmupSteps: Math.round(warmup * steps), totalSteps: steps, floor },
      ...resumed,
    });
    const evaluator = new MaskedEvaluator(runtime, encoder);
    await trainPhase(context, trainer, {
      phase,
      steps,
      unit: 'tokens',
      unitsPerStep: batchSize * accumulate * blockLength,
      batches: (step) =>
        Array.from({ length: accumulate }, (_, i) => maskedInputs(train.batch(step * accumulate + i), batchSize)),
      evaluateEvery: options.evaluateEvery,
      evaluate: async () => {
        const { signal } = context;
        const score = await evaluator.score(trainer.judged, heldOut, batchSize, {
          share: options.evaluateShare,
          signal,
        });
        const right = `${(100 * score.accuracy).toFixed(1)} % of the masked tokens right`;
        return { metrics: maskedMetrics(score), text: `held-out perplexity ${score.perplexity.toFixed(2)}, ${right}` };
      },
      save: async () => {
        const { parameters, step, ...state } = await trainer.snapshot();
        await saveEncoder(last, {
          json: options.json,
          parameters,
          tokenizerFrom: options.tokenizerPath,
          dtype: 'F32',
          training: state,
          meta: { kind: 'training', step, phase, metrics: {} },
        });
        return { step };
      },
      saveSeconds: training.checkpointSeconds,
    });
    return await trainer.result();
  } finally {
    await runtime.dispose();
  }
}
