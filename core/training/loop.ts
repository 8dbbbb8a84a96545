import type { HostOf } from '../engine/host';
import type { StepResult, Trainer } from './trainer';

export interface LoopOptions<Batch> {
  /** Steps of the whole training; the loop starts after those that the trainer has done. */
  readonly steps: number;
  /** The micro-batches of a step, counted from 0. A pure function, so that a resumed run sees the same data. */
  batches(step: number): readonly HostOf<Batch>[] | Promise<readonly HostOf<Batch>[]>;
  /** The variant of the loss for a step, counted from 0; default: 0. */
  variant?(step: number): number;
  /** The position of a step, counted from 0, on the learning rate schedule, in steps from 1; default: `step + 1`. */
  position?(step: number): number;
  /** Called after every step, counted from 1. */
  onStep(step: number, result: StepResult): void;
  /** Called every `steps` steps, and after the last one. */
  readonly every?: { readonly steps: number; run(step: number): Promise<void> };
  /** Saves a checkpoint to resume from; called every `saveSeconds` and when the run is stopped. */
  save(): Promise<void>;
  readonly saveSeconds: number;
  readonly signal: AbortSignal;
}

/**
 * Trains to the end, saving along the way.
 * @throws the signal's reason, after a last checkpoint, if the run is asked to stop
 */
export async function trainLoop<Batch>(trainer: Trainer<Batch>, options: LoopOptions<Batch>): Promise<void> {
  const { steps, every, signal } = options;
  const evaluate = async () => {
    const due = trainer.step > 0 && (trainer.step % (every?.steps ?? 1) === 0 || trainer.step === steps);
    if (!every || !due) return;
    try {
      await every.run(trainer.step);
    } catch (error) {
      // The evaluation may be interrupted by the signal, too.
      if (signal.aborted) await options.save();
      throw error;
    }
  };
  // The checkpoint may have been saved because this evaluation was interrupted.
  await evaluate();
  let savedAt = performance.now();
  while (trainer.step < steps) {
    if (signal.aborted) {
      await options.save();
      signal.throwIfAborted();
    }
    const { step } = trainer;
    const batches = await options.batches(step);
    const result = await trainer.advance(batches, options.variant?.(step), options.position?.(step));
    options.onStep(trainer.step, result);
    await evaluate();
    if (trainer.step < steps && performance.now() - savedAt > options.saveSeconds * 1000) {
      await options.save();
      savedAt = performance.now();
    }
    // Steps block the thread: let signals, the heartbeat and the log run.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
