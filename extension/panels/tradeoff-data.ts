import path from 'node:path';
import { panelView } from '../../core/comparison/panel-view';
import { readResults } from '../../core/methods/read-results';
import { isActive, type RunRow } from '../../core/protocol/runs';
import type { TradeoffRun } from '../../core/protocol/tradeoff';
import { UserError } from '../../core/errors';

/**
 * The trade-offs of runs for the panel; a run that cannot be read gets the reason instead.
 * @param whyNone a sentence on why a run has none (yet)
 */
export async function loadTradeoffs(
  runDirs: readonly string[],
  rowOf: (dir: string) => RunRow | undefined,
  whyNone: (row: RunRow | undefined) => Promise<string>,
): Promise<TradeoffRun[]> {
  return Promise.all(runDirs.map((dir) => loadTradeoff(dir, rowOf(dir), whyNone)));
}

async function loadTradeoff(
  runDir: string,
  row: RunRow | undefined,
  whyNone: (row: RunRow | undefined) => Promise<string>,
): Promise<TradeoffRun> {
  const run = { runDir, name: row?.name ?? runDir, method: row?.method ?? '', live: row ? isActive(row.state) : false };
  const none = { ...run, axes: [], points: [] };
  try {
    const results = row && (await readResults(runDir));
    if (!results) return { ...none, problem: await whyNone(row) };
    return { ...run, ...panelView(results, path.join(runDir, 'checkpoints')) };
  } catch (error) {
    if (error instanceof UserError) return { ...none, problem: `${error.message} ${error.hint}` };
    throw error;
  }
}
