import type { HostOf } from '../engine/host';
import { failureOf } from '../engine/runtime/failure';
import { messageOf } from '../errors';
import type { StepInput, StepResult, Trainer } from './trainer';

export interface LoopOptions<Batch> {
  /** Steps of the whole training; the loop starts after those that the trainer has done. */
  readonly steps: number;
  /**
   * The micro-batches of a step, counted from 0. A pure function, so that a resumed run sees the same data. May be called for steps
   * ahead.
   */
  batches(step: number): readonly HostOf<Batch>[] | Promise<readonly HostOf<Batch>[]>;
  /** The variant of the loss for a step, counted from 0; default: 0. */
  variant?(step: number): number;
  /** The position of a step, counted from 0, on the learning rate schedule, in steps from 1; default: `step + 1`. */
  position?(step: number): number;
  /**
   * Called for every step, counted from 1, in order.
   * @param seconds since the step before, including the wait for its batches: its share of those of the steps that were done with it
   */
  onStep(step: number, result: StepResult, seconds: number): void;
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
  // Time for evaluations and checkpoints does not count as time of steps.
  let before = performance.now();
  const evaluate = async () => {
    const due = trainer.step > 0 && (trainer.step % (every?.steps ?? 1) === 0 || trainer.step === steps);
    if (!every || !due) return;
    try {
      await every.run(trainer.step);
      before = performance.now();
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
    before = savedAt;
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
  /** Steps whose batches are there, from the trainer's next one. */
  let ready: StepInput<Batch>[] = [];
  /** How many steps from the next one can be done without anything between them. */
  const together = () => {
    const { step } = trainer;
    const toEvaluation = every ? every.steps - (step % every.steps) : Infinity;
    const most = Math.min(trainer.stepsPerCall, steps - step, toEvaluation);
    const variant = options.variant?.(step);
    let count = 1;
    while (count < most && options.variant?.(step + count) === variant) count++;
    return count;
  };
  // The checkpoint may have been saved because this evaluation was interrupted.
  await evaluate();
  while (trainer.step < steps) {
    if (signal.aborted) {
      await options.save();
      signal.throwIfAborted();
    }
    const { step } = trainer;
    const count = together();
    while (ready.length < count) {
      const next = step + ready.length;
      ready.push({ batches: await options.batches(next), position: options.position?.(next) });
    }
    let results: StepResult[];
    try {
      results = await trainer.advanceMany(ready.slice(0, count), options.variant?.(step));
    } catch (error) {
      await saveWhatIsThere(error);
      throw error;
    }
    ready = ready.slice(results.length);
    const now = performance.now();
    const seconds = (now - before) / 1000 / results.length;
    before = now;
    for (const [index, result] of results.entries()) options.onStep(step + index + 1, result, seconds);
    await evaluate();
    if (trainer.step < steps && performance.now() - savedAt > options.saveSeconds * 1000) await save();
    // Steps block the thread: let signals, the heartbeat and the log run.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
