import { tableOf } from '../comparison/results-table';
import { UserError } from '../errors';
import { readResults } from '../methods/read-results';
import type { Results } from '../protocol/results';
import { table } from '../table';
import { color } from './output';

/** What a run came to; undefined where there is nothing, or nothing that this version reads. */
export const resultsOf = (runDir: string): Promise<Results | undefined> =>
  readResults(runDir).catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });

/** The models of a run as a table with its legend, and what the controls say. */
export function formatResults(results: Results): string {
  const { columns, rows } = tableOf(results);
  return [
    table(columns, rows, { wrapHeadings: true }),
    color('dim', results.table.legend.join('\n')),
    ...results.notes,
  ].join('\n\n');
}
