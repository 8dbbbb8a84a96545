import path from 'node:path';
import type { CheckpointMeta, TrainingState } from '../checkpoint/training-state';
import type { HostOf, HostTensor } from '../engine/host';
import type { Named } from '../engine/optimizer';
import { createRuntime } from '../engine/runtime/create';
import type { Runtime } from '../engine/runtime/runtime';
import { adamWSettings, type TrainingConfig } from './config';
import type { TrainingContext } from './context';
import { LAST, resumeTraining } from './last';
import { trainPhase, type PhaseOptions } from './run';
import type { LossFunction } from './steps';
import { Trainer } from './trainer';

/** The training state in a checkpoint to resume from. */
export interface TrainingToSave {
  /** The trained parameters. */
  readonly parameters: Named<HostTensor>;
  readonly dtype: 'F32';
  readonly training: TrainingState;
  readonly meta: CheckpointMeta;
}

/** Several trainings that share one warm-up and one decay of the learning rate, in optimizer steps. */
export interface LearningRateSpan {
  readonly before: number;
  readonly total: number;
}

export interface ModelTraining<Batch> {
  /** Name of this training within the run, used in events and the checkpoint. */
  readonly phase: string;
  /** Initial parameters, unless there is a checkpoint of this phase. */
  readonly parameters: Named<HostTensor>;
  /** Tensors that the loss needs and that are not trained. */
  readonly frozen?: Named<HostTensor>;
  readonly loss: LossFunction<Batch>;
  readonly training: TrainingConfig;
  readonly steps: number;
  /** The place of these steps in a longer schedule of the learning rate; by default it is theirs alone. */
  readonly learningRateOver?: LearningRateSpan;
  /** What a micro-batch consists of, and how many of them. */
  readonly unit: PhaseOptions<Batch>['unit'];
  readonly unitsPerBatch: number;
  /** @param number of the micro-batch, from 0; a step takes `training.accumulate` of them */
  batch(number: number): HostOf<Batch> | Promise<HostOf<Batch>>;
  /** The variant of the computation in a step, if there are several. @param number of its first micro-batch */
  variant?(number: number): number;
  readonly evaluateEvery: number;
  /** Makes the function that evaluates the model between steps. */
  evaluator(runtime: Runtime, trainer: Trainer<Batch>): NonNullable<PhaseOptions<Batch>['evaluate']>;
  /** Reads the model of a checkpoint to resume from. */
  load(dir: string): Promise<{ readonly parameters: Named<HostTensor> }>;
  /** Writes a checkpoint to resume from. */
  save(dir: string, state: TrainingToSave): Promise<void>;
}

export interface TrainedModel {
  readonly parameters: Named<HostTensor>;
  /** Units per second: the median over the steps of this process; undefined if there were none. */
  readonly rate: number | undefined;
}

/**
 * Trains any model: emits events, evaluates and saves along the way, and resumes an interrupted training with the same
 * bits.
 * @throws UserError `training.diverged`, `checkpoint.damaged`; the signal's reason, after a last checkpoint
 */
export async function trainModel<Batch>(
  context: TrainingContext,
  options: ModelTraining<Batch>,
): Promise<TrainedModel> {
  const { phase, training, steps } = options;
  const { before, total } = options.learningRateOver ?? { before: 0, total: steps };
  const { accumulate, learningRate, warmup, floor } = training;
  const last = path.join(context.checkpointsDir, LAST);
  const resumed = await resumeTraining(context, phase, options.parameters, (dir) => options.load(dir));

  const runtime = createRuntime(context.device);
  try {
    const trainer = new Trainer<Batch>(runtime, {
      loss: options.loss,
      parameters: options.parameters,
      optimizer: adamWSettings(training),
      averageDecay: training.averageDecay,
      checkpointActivations: training.checkpointActivations,
      schedule: { peak: learningRate, warmupSteps: Math.round(warmup * total), totalSteps: total, floor },
      ...(options.frozen && { frozen: options.frozen }),
      ...resumed,
    });
    const rate = await trainPhase<Batch>(context, trainer, {
      phase,
      steps,
      unit: options.unit,
      unitsPerStep: options.unitsPerBatch * accumulate,
      batches: async (step) => {
        const taken: HostOf<Batch>[] = [];
        for (let i = 0; i < accumulate; i++) taken.push(await options.batch(step * accumulate + i));
        return taken;
      },
      variant: (step) => options.variant?.(step * accumulate) ?? 0,
      position: (step) => before + step + 1,
      evaluateEvery: options.evaluateEvery,
      evaluate: options.evaluator(runtime, trainer),
      save: async () => {
        const { parameters, step, ...state } = await trainer.snapshot();
        const meta = { kind: 'training', step, phase, metrics: {} } as const;
        await options.save(last, { parameters, dtype: 'F32', training: state, meta });
        return { step };
      },
      saveSeconds: training.checkpointSeconds,
    });
    return { parameters: await trainer.result(), rate };
  } finally {
    await runtime.dispose();
  }
}
