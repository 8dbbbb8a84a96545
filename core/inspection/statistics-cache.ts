import { stat } from 'node:fs/promises';
import path from 'node:path';
import { runPaths } from '../experiments/run/directory';
import type { TensorHealth } from '../protocol/checkpoint-statistics';
import { InspectionCache } from './cache';

/** Tensor statistics that were computed before, for all or some of the tensors. */
export interface KeptStatistics {
  /** @returns an empty list if there are none for these files */
  get(identity: string): Promise<readonly TensorHealth[]>;
  put(identity: string, rows: readonly TensorHealth[]): Promise<void>;
}

/**
 * The cache for the statistics of a checkpoint's tensors. It is next to the checkpoint's run, so that every window and
 * program that reads the run finds it, and it moves with the run; for a checkpoint outside of runs it is `fallback`.
 */
export async function keptStatistics(checkpoint: string, fallback: InspectionCache): Promise<KeptStatistics> {
  const runDir = await runOf(checkpoint);
  const cache = runDir === undefined ? fallback : new InspectionCache(path.join(runPaths(runDir).cache, 'inspections'));
  // 'survey' is the former name; with it, results of earlier versions are still found.
  const key = (identity: string) => JSON.stringify(['survey', identity]);
  return {
    // The cast is safe: `put` below wrote it under this key.
    get: async (identity) => ((await cache.get(key(identity))) ?? []) as readonly TensorHealth[],
    put: (identity, rows) => cache.put(key(identity), rows),
  };
}

/** The run directory that contains a checkpoint's folder or file. */
async function runOf(checkpoint: string): Promise<string | undefined> {
  const parts = path.resolve(checkpoint).split(path.sep);
  const at = parts.lastIndexOf('checkpoints');
  if (at < 1) return undefined;
  const dir = parts.slice(0, at).join(path.sep);
  return stat(runPaths(dir).record).then(
    () => dir,
    () => undefined,
  );
}
