import type { HostOf } from '../engine/host';
import { failureOf } from '../engine/runtime/failure';
import { messageOf } from '../errors';
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
 * Trains to the end, saving along the way, and also where memory runs out or the device is lost.
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
      else await saveWhatIsThere(error);
      throw error;
    }
  };
  // Where the training continues if nothing more is saved.
  let savedStep = trainer.step;
  let savedAt = performance.now();
  const save = async () => {
    await options.save();
    savedStep = trainer.step;
    savedAt = performance.now();
  };
  /** After the memory ran out or the device was lost in a step, the state is that of the step before, if it can be read at all. */
  const saveWhatIsThere = async (error: unknown) => {
    if (failureOf(error) === undefined || trainer.step === savedStep) return;
    try {
      await trainer.freeSteps();
      await save();
    } catch (problem) {
      process.stderr.write(`The last steps could not be saved: ${messageOf(problem)}\n`);
    }
  };
  // The checkpoint may have been saved because this evaluation was interrupted.
  await evaluate();
  while (trainer.step < steps) {
    if (signal.aborted) {
      await options.save();
      signal.throwIfAborted();
    }
    const { step } = trainer;
    const batches = await options.batches(step);
    let result: StepResult;
    try {
      result = await trainer.advance(batches, options.variant?.(step), options.position?.(step));
    } catch (error) {
      await saveWhatIsThere(error);
      throw error;
    }
    options.onStep(trainer.step, result);
    await evaluate();
    if (trainer.step < steps && performance.now() - savedAt > options.saveSeconds * 1000) await save();
    // Steps block the thread: let signals, the heartbeat and the log run.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
