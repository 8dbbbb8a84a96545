import type { Provider } from '../engine/runtime/runtime';
import type { RunEvent } from '../protocol/events';

/** What a training is given by whoever runs it. It writes below `checkpointsDir` with `core/files` only. */
export interface TrainingContext {
  /** Where checkpoints go; the folder exists. */
  readonly checkpointsDir: string;
  /** Execution provider of the engine (`cpu`, `webgpu`, …) and the number of threads it may use. */
  readonly device: { readonly provider: Provider; readonly threads: number };
  /** Aborted when a person asked to stop: save a checkpoint, then throw the signal's reason. */
  readonly signal: AbortSignal;
  /** Appends one event (metrics, a phase, a note, progress); a bad metric value is recorded (NaN), not an error. */
  emit(event: RunEvent): void;
  /** A line for the log. */
  log(text: string): void;
}
