import type { StepDevice } from '../../../engine/step-memory';
import type { TrainingConfig } from '../../../training/config';

/** Compiled steps besides those of the training: the evaluation, and the scores of samples. */
export const EVALUATIONS = 2;

/** What a plan needs to know about data and model, without decoding the data. */
export interface Task {
  readonly size: number;
  readonly heldOutSize: number;
  readonly classes: readonly string[];
  readonly outputs: number;
  readonly parameterCount: number;
  /** Width of the residual stream. */
  readonly width: number;
  readonly flopsPerSample: number;
  /** What its trainings need on their device: see `Method.memory`. */
  memory(device: StepDevice): Promise<(training: TrainingConfig) => number>;
  /** Fingerprints of the run's inputs, by name. */
  fingerprint(): Promise<Record<string, string>>;
}
