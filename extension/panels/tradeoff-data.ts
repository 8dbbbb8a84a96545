import { readTradeoffView } from '../../core/methods/results';
import { isActive, type RunRow } from '../../core/protocol/runs';
import type { TradeoffRun } from '../../core/protocol/tradeoff';
import { UserError } from '../../core/errors';

/** The trade-offs of runs as the panel shows them; what cannot be read says why. */
export async function loadTradeoffs(
  runDirs: readonly string[],
  rowOf: (dir: string) => RunRow | undefined,
): Promise<TradeoffRun[]> {
  return Promise.all(runDirs.map((dir) => loadTradeoff(dir, rowOf(dir))));
}

async function loadTradeoff(runDir: string, row: RunRow | undefined): Promise<TradeoffRun> {
  const run = { runDir, name: row?.name ?? runDir, method: row?.method ?? '', live: row ? isActive(row.state) : false };
  const none = { ...run, axes: [], points: [] };
  if (!row) return { ...none, problem: 'The run is gone: it was deleted or moved.' };
  try {
    const view = await readTradeoffView(runDir);
    if (view) return { ...run, ...view };
    return {
      ...none,
      problem: run.live
        ? 'The run has not judged a model yet; points appear here as it does.'
        : `The run made no trade-off. Runs of plrd, skipvit and gqkva make one; this is ${row.method}, ${row.state}.`,
    };
  } catch (error) {
    if (error instanceof UserError) return { ...none, problem: `${error.message} ${error.hint}` };
    throw error;
  }
}
