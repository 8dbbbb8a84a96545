import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const artifacts = (runDir: string) => path.join(runDir, 'artifacts');

/** Whether a run has written a trade-off. */
export const hasTradeoff = (runDir: string): boolean => existsSync(path.join(artifacts(runDir), 'tradeoff.json'));

/** Names of the files that say which tokens leave, one for each model. */
export function tokenMapsOf(runDir: string): string[] {
  try {
    return readdirSync(artifacts(runDir)).filter((name) => /^tokens-.+\.json$/.test(name));
  } catch {
    // No run, or one that has written nothing yet.
    return [];
  }
}

/** When a run last wrote down which samples matter, milliseconds since 1970; undefined before the first time. */
export const importanceWritten = (runDir: string): number | undefined =>
  statSync(path.join(artifacts(runDir), 'importance.json'), { throwIfNoEntry: false })?.mtimeMs;
