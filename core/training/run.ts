import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import type { HostOf } from '../engine/host';
import type { TrainingContext } from './context';
import { LAST } from './last';
import { trainLoop } from './loop';
import type { StepMetrics, StepResult, Trainer } from './trainer';

/** @throws UserError `training.diverged` */
function requireFinite(phase: string, step: number, { loss, gradientNorm, lossScale }: StepMetrics): void {
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  throw new UserError(
    'training.diverged',
    l10n.t`Training of ${phase} diverged: at step ${step} the loss is ${loss} or its gradient is not finite.`,
    lossScale === undefined
      ? l10n.t('Lower training.learningRate, or lengthen training.warmup; then start a new run.')
      : l10n.t(
          'Remove device.precision to train in float32, or lower training.learningRate, or lengthen training.warmup; then start a new run.',
        ),
  );
}

/**
 * Units per second of the median step; undefined before the second step. The first step traces and compiles; the median
 * ignores it, and pauses of a busy machine.
 */
function medianRate(seconds: readonly number[], units: number): number | undefined {
  const sorted = seconds.slice(1).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  return median === undefined ? undefined : units / median;
}

export interface PhaseOptions<Batch> {
  /** Name of this training within the run, used in events and the checkpoint. */
  readonly phase: string;
  readonly steps: number;
  /** What a step processes, and how many of them. */
  readonly unit: 'tokens' | 'images' | 'samples';
  readonly unitsPerStep: number;
  /** As in `LoopOptions`. */
  batches(step: number): readonly HostOf<Batch>[] | Promise<readonly HostOf<Batch>[]>;
  /** As in `LoopOptions`. */
  variant?(step: number): number;
  /** As in `LoopOptions`. */
  position?(step: number): number;
  /** Steps of the whole training if this phase ends earlier: for the progress that is shown. */
  readonly stepsToShow?: number;
  /** Called after every step, counted from 1. @param seconds that the step took, including the wait for its batches */
  onStep?(step: number, result: StepResult, seconds: number): void;
  /** Steps between evaluations; there is always one after the last step. */
  readonly evaluateEvery: number;
  /** Evaluates the model between steps; returns metrics, and a line for the log. Without it, nothing is evaluated. */
  evaluate?(): Promise<{ readonly metrics: Readonly<Record<string, number>>; readonly text: string }>;
  /** Writes the checkpoint `LAST`. @returns the number of completed steps */
  save(): Promise<{ readonly step: number }>;
  readonly saveSeconds: number;
}

/**
 * Trains to the end as a phase of a run: metrics and progress after every step, evaluations and checkpoints along the way.
 * @returns units per second of the median step, in this process
 * @throws UserError `training.diverged`; the signal's reason, after a last checkpoint, if the run is asked to stop
 */
export async function trainPhase<Batch>(
  { emit, log, signal }: Pick<TrainingContext, 'emit' | 'log' | 'signal'>,
  trainer: Trainer<Batch>,
  options: PhaseOptions<Batch>,
): Promise<number | undefined> {
  const { phase, steps, unit, unitsPerStep } = options;
  const evaluate = options.evaluate?.bind(options);
  const stepSeconds: number[] = [];
  await trainLoop(trainer, {
    steps,
    batches: (step) => options.batches(step),
    variant: (step) => options.variant?.(step) ?? 0,
    position: (step) => options.position?.(step) ?? step + 1,
    onStep: (step, result, seconds) => {
      const { metrics, skipped } = result;
      requireFinite(phase, step, skipped ? { ...metrics, gradientNorm: 0 } : metrics);
      if (skipped)
        log(
          `${phase}: step ${step} of ${options.stepsToShow ?? steps} was skipped: a gradient overflowed in float16. The loss scale is now ${skipped.lossScale}.`,
        );
      stepSeconds.push(seconds);
      options.onStep?.(step, result, seconds);
      const tokens = step * unitsPerStep;
      const values = Object.fromEntries(
        Object.entries(metrics).filter(([name]) => !(skipped && name === 'gradientNorm')),
      );
      emit({ type: 'metrics', step, phase, tokens, values });
      emit({
        type: 'progress',
        done: tokens,
        total: (options.stepsToShow ?? steps) * unitsPerStep,
        unit,
        label: phase,
      });
    },
    ...(evaluate && {
      every: {
        steps: options.evaluateEvery,
        run: async (step: number) => {
          const { metrics, text } = await evaluate();
          emit({ type: 'metrics', step, phase, values: metrics });
          log(`${phase}: step ${step} of ${options.stepsToShow ?? steps}, ${text}`);
        },
      },
    }),
    save: async () => {
      const { step } = await options.save();
      emit({ type: 'checkpoint', name: LAST, step });
    },
    saveSeconds: options.saveSeconds,
    signal,
  });
  return medianRate(stepSeconds, unitsPerStep);
}
