import type { Device } from '../engine/runtime/runtime';
import type { RunEvent } from '../protocol/events';

/** The environment of a training. Writes below `checkpointsDir` must go through `core/files`. */
export interface TrainingContext {
  /** Where checkpoints go; the folder exists. */
  readonly checkpointsDir: string;
  readonly device: Device;
  /** Aborted when the user asked to stop: save a checkpoint, then throw the signal's reason. */
  readonly signal: AbortSignal;
  /** Appends one event (metrics, a phase, a note, progress); a NaN metric is recorded, and is not an error. */
  emit(event: RunEvent): void;
  /** A line for the log. */
  log(text: string): void;
}
