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
  /** Peak memory of training, in bytes. */
  memory(batchSize: number): number;
  /** Fingerprints of the run's inputs, by name. */
  fingerprint(): Promise<Record<string, string>>;
}
