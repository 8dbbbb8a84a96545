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
import { Trainer, type LossFunction } from './trainer';

/** What is written of a training to resume from, beside what its model is. */
export interface TrainingToSave {
  /** Those that are trained. */
  readonly parameters: Named<HostTensor>;
  readonly dtype: 'F32';
  readonly training: TrainingState;
  readonly meta: CheckpointMeta;
}

export interface ModelTraining<Batch> {
  /** Name of this training within the run: events and the checkpoint carry it. */
  readonly phase: string;
  /** Where training starts, unless a checkpoint of this phase is there. */
  readonly parameters: Named<HostTensor>;
  /** Tensors that the loss needs and that are not trained. */
  readonly frozen?: Named<HostTensor>;
  readonly loss: LossFunction<Batch>;
  readonly training: TrainingConfig;
  readonly steps: number;
  /** What a micro-batch holds, and how many of them. */
  readonly unit: PhaseOptions<Batch>['unit'];
  readonly unitsPerBatch: number;
  /** @param number of the micro-batch, from 0; a step takes `training.accumulate` of them */
  batch(number: number): HostOf<Batch> | Promise<HostOf<Batch>>;
  /** Which computation a step is, where there are several. @param number of its first micro-batch */
  variant?(number: number): number;
  readonly evaluateEvery: number;
  /** Makes what evaluates the model between steps. */
  evaluator(runtime: Runtime, trainer: Trainer<Batch>): NonNullable<PhaseOptions<Batch>['evaluate']>;
  /** Reads the model of a checkpoint to resume from. */
  load(dir: string): Promise<{ readonly parameters: Named<HostTensor> }>;
  /** Writes a checkpoint to resume from. */
  save(dir: string, state: TrainingToSave): Promise<void>;
}

export interface TrainedModel {
  readonly parameters: Named<HostTensor>;
  /** Units per second: the median over the steps of this process; undefined when there were none. */
  readonly rate: number | undefined;
}

/**
 * Trains a model, whatever it is: events, evaluations and checkpoints on the way, resuming where it was cut with the same
 * bits.
 * @throws UserError `training.diverged`, `checkpoint.damaged`; the signal's reason after a last checkpoint
 */
export async function trainModel<Batch>(
  context: TrainingContext,
  options: ModelTraining<Batch>,
): Promise<TrainedModel> {
  const { phase, training, steps } = options;
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
      schedule: { peak: learningRate, warmupSteps: Math.round(warmup * steps), totalSteps: steps, floor },
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
