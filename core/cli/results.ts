import { tableOf } from '../comparison/results-table';
import { UserError } from '../errors';
import { readFinalResults, readResults } from '../methods/read-results';
import type { Results } from '../protocol/results';
import type { RunStateName } from '../protocol/runs';
import { table } from '../table';
import { color } from './output';

/** The results of a run, if there are any, and why they cannot be read. */
export interface FoundResults {
  readonly results?: Results | undefined;
  readonly problem?: UserError;
}

export async function resultsOf(runDir: string, state: RunStateName): Promise<FoundResults> {
  try {
    return { results: await (state === 'done' ? readFinalResults : readResults)(runDir) };
  } catch (error) {
    if (error instanceof UserError) return { problem: error };
    throw error;
  }
}

/** A run's results as a table, with its legend and the notes on the controls. */
export function formatResults(results: Results): string {
  const { columns, rows } = tableOf(results);
  return [
    table(columns, rows, { wrapHeadings: true }),
    color('dim', results.table.legend.join('\n')),
    ...results.notes,
  ].join('\n\n');
}
