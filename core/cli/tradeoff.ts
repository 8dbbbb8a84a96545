import { UserError } from '../errors';
import { readResults, reportOf, type Results } from '../methods/results';
import { table } from '../table';
import { colour } from './output';

/** What a run came to; undefined where there is nothing, or nothing that this version reads. */
export const readTradeoff = (runDir: string): Promise<Results | undefined> =>
  readResults(runDir).catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });

/** The models of a run as a table with its legend. */
export function formatTradeoff(found: Results): string {
  const { columns, rows, legend, notes } = reportOf(found);
  return [table(columns, rows), colour('dim', legend.join('\n')), ...notes].join('\n\n');
}
