import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import type { HostOf } from '../engine/host';
import type { TrainingContext } from './context';
import { LAST } from './last';
import { trainLoop } from './loop';
import type { StepMetrics, StepResult, Trainer } from './trainer';

/** @throws UserError `training.diverged` */
function requireFinite(phase: string, step: number, { loss, gradientNorm }: StepMetrics): void {
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  throw new UserError(
    'training.diverged',
    l10n.t`Training of ${phase} diverged: at step ${step} the loss is ${loss} or its gradient is not finite.`,
    l10n.t('Lower training.learningRate, or lengthen training.warmup; then start a new run.'),
  );
}

/**
 * Units per second of a step in the middle; undefined before there were two. The first step traces and compiles; the
 * median ignores it and the pauses of a busy machine.
 */
function medianRate(seconds: readonly number[], units: number): number | undefined {
  const sorted = seconds.slice(1).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  return median === undefined ? undefined : units / median;
}

export interface PhaseOptions<Batch> {
  /** Name of this training within the run: events and the checkpoint carry it. */
  readonly phase: string;
  readonly steps: number;
  /** What a step sees, and how many of them. */
  readonly unit: 'tokens' | 'images' | 'samples';
  readonly unitsPerStep: number;
  /** As in `LoopOptions`. */
  batches(step: number): readonly HostOf<Batch>[] | Promise<readonly HostOf<Batch>[]>;
  /** As in `LoopOptions`. */
  variant?(step: number): number;
  /** As in `LoopOptions`. */
  position?(step: number): number;
  /** Steps of the whole training, where this phase ends before: for the progress that is shown. */
  readonly stepsToShow?: number;
  /** After every step, counted from 1: looks at its signals. @param seconds that it took, with the wait for its batches */
  onStep?(step: number, result: StepResult, seconds: number): void;
  /** Steps between evaluations; after the last there is always one. */
  readonly evaluateEvery: number;
  /** Evaluates the model between steps: metrics of the run, and a line for its log. Without it, nothing is evaluated. */
  evaluate?(): Promise<{ readonly metrics: Readonly<Record<string, number>>; readonly text: string }>;
  /** Writes the checkpoint `LAST`. @param step steps done */
  save(): Promise<{ readonly step: number }>;
  readonly saveSeconds: number;
}

/**
 * Trains to the end as a phase of a run: metrics and progress after every step, evaluations and checkpoints on the way.
 * @returns units per second of a step in the middle, of this process
 * @throws UserError `training.diverged`; the signal's reason after a last checkpoint when the run is asked to stop
 */
export async function trainPhase<Batch>(
  { emit, log, signal }: Pick<TrainingContext, 'emit' | 'log' | 'signal'>,
  trainer: Trainer<Batch>,
  options: PhaseOptions<Batch>,
): Promise<number | undefined> {
  const { phase, steps, unit, unitsPerStep } = options;
  const evaluate = options.evaluate?.bind(options);
  const stepSeconds: number[] = [];
  // What is done between steps is no part of their time.
  let before = performance.now();
  await trainLoop(trainer, {
    steps,
    batches: (step) => options.batches(step),
    variant: (step) => options.variant?.(step) ?? 0,
    position: (step) => options.position?.(step) ?? step + 1,
    onStep: (step, result) => {
      const { metrics } = result;
      requireFinite(phase, step, metrics);
      const now = performance.now();
      const seconds = (now - before) / 1000;
      stepSeconds.push(seconds);
      before = now;
      options.onStep?.(step, result, seconds);
      const tokens = step * unitsPerStep;
      emit({ type: 'metrics', step, phase, tokens, values: { ...metrics } });
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
          before = performance.now();
        },
      },
    }),
    save: async () => {
      const { step } = await options.save();
      emit({ type: 'checkpoint', name: LAST, step });
      before = performance.now();
    },
    saveSeconds: options.saveSeconds,
    signal,
  });
  return medianRate(stepSeconds, unitsPerStep);
}
