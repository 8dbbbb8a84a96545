import { existsSync, readdirSync } from 'node:fs';
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
