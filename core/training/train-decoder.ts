import path from 'node:path';
import type { HeldOutBlocks, TrainingBlocks } from '../data/text/batches';
import type { HostTensor } from '../engine/host';
import { i32 } from '../engine/host';
import type { Named } from '../engine/optimizer';
import { createRuntime } from '../engine/runtime/create';
import type { TrainingContext } from './context';
import { loadDecoder, saveDecoder } from '../models/decoder/checkpoint';
import type { DecoderConfig } from '../models/decoder/config';
import type { LanguageModelScore, ModelState } from '../models/decoder/evaluate';
import { Evaluator } from '../models/decoder/evaluate';
import type { TokenBatch } from '../models/decoder/language-model';
import { nextTokenLoss } from '../models/decoder/language-model';
import type { Copied } from '../models/save';
import type { TrainingConfig } from './config';
import { adamWSettings } from './config';
import type { LossFunction } from './trainer';
import { LAST, resumeTraining } from './last';
import { trainPhase } from './run';
import { Trainer } from './trainer';

export interface DecoderTraining extends Copied {
  /** Name of this training within the run: events and the checkpoint carry it. */
  readonly phase: string;
  readonly decoder: DecoderConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly tokenizerPath: string;
  /** Where training starts, unless a checkpoint of this phase is there. */
  readonly parameters: Named<HostTensor>;
  /** Tensors of the model that are not trained. */
  readonly frozen?: Named<HostTensor>;
  /** Tensors that the loss needs and the model does not have: a teacher's, under names of its own. */
  readonly companions?: Named<HostTensor>;
  readonly loss?: LossFunction<TokenBatch>;
  readonly training: TrainingConfig;
  readonly train: TrainingBlocks;
  readonly heldOut: HeldOutBlocks;
  readonly blockLength: number;
  readonly steps: number;
  /** Steps of the data stream that came before, so that a later phase reads fresh text. */
  readonly dataOffset?: number;
  readonly evaluateEvery: number;
  readonly evaluateShare: number;
}

export interface TrainedDecoder {
  readonly parameters: Named<HostTensor>;
  /** Median over the steps of this process; undefined when there were none. */
  readonly tokensPerSecond: number | undefined;
}

/** A score as metrics of a run, the most telling first: lists and terminals show as many as fit. */
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

/** Trains a decoder on the next token: events, evaluations and checkpoints on the way, resuming where it was cut. */
export async function trainDecoder(context: TrainingContext, options: DecoderTraining): Promise<TrainedDecoder> {
  const { phase, decoder, training, train, heldOut, blockLength, steps, dataOffset = 0 } = options;
  const { batchSize, accumulate, learningRate, warmup, floor } = training;
  const last = path.join(context.checkpointsDir, LAST);
  const resumed = await resumeTraining(context, phase, options.parameters, loadDecoder);

  const runtime = createRuntime(context.device);
  try {
    const trainer = new Trainer<TokenBatch>(runtime, {
      loss: options.loss ?? ((values, batch, frozen) => nextTokenLoss(decoder, { ...frozen, ...values }, batch)),
      parameters: options.parameters,
      optimizer: adamWSettings(training),
      averageDecay: training.averageDecay,
      schedule: { peak: learningRate, warmupSteps: Math.round(warmup * steps), totalSteps: steps, floor },
      frozen: { ...options.frozen, ...options.companions },
      ...resumed,
    });
    const evaluator = new Evaluator(runtime, decoder);
    const evaluate = () => {
      const whole = runtime.combine<ModelState>({ own: trainer.judged, frozen: trainer.frozen });
      return evaluator.score(
        whole,
        heldOut,
        { batchSize, blockLength },
        { share: options.evaluateShare, signal: context.signal },
      );
    };
    const dims = [batchSize, blockLength];
    const tokensPerSecond = await trainPhase(context, trainer, {
      phase,
      steps,
      unit: 'tokens',
      unitsPerStep: batchSize * accumulate * blockLength,
      batches: (step) =>
        Array.from({ length: accumulate }, (_, i) => {
          const { inputs, targets } = train.batch((dataOffset + step) * accumulate + i);
          return { inputs: i32(dims, inputs), targets: i32(dims, targets) };
        }),
      evaluateEvery: options.evaluateEvery,
      evaluate: async () => {
        const score = await evaluate();
        return { metrics: heldOutMetrics(score), text: `held-out perplexity ${score.perplexity.toFixed(2)}` };
      },
      save: async () => {
        const { parameters, step, ...state } = await trainer.snapshot();
        await saveDecoder(last, {
          json: options.json,
          configText: options.configText,
          extraFiles: options.extraFiles,
          parameters: { ...options.frozen, ...parameters },
          tokenizerFrom: options.tokenizerPath,
          dtype: 'F32',
          training: state,
          meta: { kind: 'training', step, phase, metrics: {} },
        });
        return { step };
      },
      saveSeconds: training.checkpointSeconds,
    });
    const parameters = await trainer.result();
    return { parameters, tokensPerSecond };
  } finally {
    await runtime.dispose();
  }
}
