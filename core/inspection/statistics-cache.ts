import { stat } from 'node:fs/promises';
import path from 'node:path';
import { runPaths } from '../experiments/run/directory';
import type { TensorHealth } from '../protocol/checkpoint-statistics';
import { InspectionCache } from './cache';

/** Statistics of tensors that were computed before, whole or in part. */
export interface KeptStatistics {
  /** @returns no row where there is none of these files */
  get(identity: string): Promise<readonly TensorHealth[]>;
  put(identity: string, rows: readonly TensorHealth[]): Promise<void>;
}

/**
 * Where the statistics of a checkpoint's tensors are kept: beside its run, where every window and program that reads the run finds
 * them and they go with it; in `fallback` where it lies in no run.
 */
export async function keptStatistics(checkpoint: string, fallback: InspectionCache): Promise<KeptStatistics> {
  const runDir = await runOf(checkpoint);
  const cache = runDir === undefined ? fallback : new InspectionCache(path.join(runPaths(runDir).cache, 'inspections'));
  // 'survey' is their former name: what earlier versions have kept is found.
  const key = (identity: string) => JSON.stringify(['survey', identity]);
  return {
    // Written by `put` below under this very key.
    get: async (identity) => ((await cache.get(key(identity))) ?? []) as readonly TensorHealth[],
    put: (identity, rows) => cache.put(key(identity), rows),
  };
}

/** The run directory that a checkpoint's folder or file lies in. */
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
