/** What is known of data and model before anything is decoded: enough for a plan. */
export interface Task {
  readonly size: number;
  readonly heldOutSize: number;
  readonly classes: readonly string[];
  readonly outputs: number;
  readonly parameterCount: number;
  /** Of the residual stream. */
  readonly width: number;
  readonly flopsPerSample: number;
  /** Bytes that training holds at once. */
  memory(batchSize: number): number;
  /** Fingerprints of what the run reads, by name. */
  fingerprint(): Promise<Record<string, string>>;
}
