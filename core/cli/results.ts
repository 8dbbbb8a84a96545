import { tableOf } from '../comparison/results-table';
import { UserError } from '../errors';
import { readResults } from '../methods/read-results';
import type { Results } from '../protocol/results';
import { table } from '../table';
import { color } from './output';

/** The results of a run; undefined if there are none, or none that this version can read. */
export const resultsOf = (runDir: string): Promise<Results | undefined> =>
  readResults(runDir).catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });

/** A run's results as a table, with its legend and the notes on the controls. */
export function formatResults(results: Results): string {
  const { columns, rows } = tableOf(results);
  return [
    table(columns, rows, { wrapHeadings: true }),
    color('dim', results.table.legend.join('\n')),
    ...results.notes,
  ].join('\n\n');
}
