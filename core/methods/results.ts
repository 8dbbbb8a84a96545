import path from 'node:path';
import * as z from 'zod';
import { unseal } from '../checksum';
import { UserError } from '../errors';
import type { TradeoffView } from '../protocol/tradeoff';
import { isNotFound, readText } from '../read-text';
import type { Column } from '../table';
import { tradeoff, TRADEOFF_FILE, type Tradeoff } from './plrd/artifacts';
import { describeTradeoff } from './plrd/report';
import { viewOfFamily } from './plrd/tradeoff-view';
import { selectionComparison, type SelectionComparison } from './swiftlearn/artifacts';
import { selectionTable } from './swiftlearn/summary';
import { viewOfSelection } from './swiftlearn/tradeoff-view';
import { comparison, type Comparison } from '../comparison/vision/artifacts';
import { comparisonTable } from '../comparison/vision/summary';
import { viewOfComparison } from '../comparison/vision/tradeoff-view';

/**
 * What the methods write to `artifacts/tradeoff.json`: a family of language models, or a comparison of vision transformers
 * or of ways to choose samples.
 */
const results = z.union([comparison, selectionComparison, tradeoff]);
export type Results = Comparison | SelectionComparison | Tradeoff;

/**
 * What a run wrote so far; undefined while there is nothing.
 * @throws UserError `tradeoff.unreadable`, `file.*`
 */
export async function readResults(runDir: string): Promise<Results | undefined> {
  const file = path.join(runDir, 'artifacts', TRADEOFF_FILE);
  const text = await readText(file).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return results.parse(unseal(text));
  } catch (error) {
    throw new UserError(
      'tradeoff.unreadable',
      `${file} cannot be read.`,
      'It was damaged or written by another version of Winnow.',
      {
        cause: error,
      },
    );
  }
}

/** The models that a run made, as panels draw them. @throws as `readResults` */
export async function readTradeoffView(runDir: string): Promise<TradeoffView | undefined> {
  const found = await readResults(runDir);
  if (!found) return undefined;
  const checkpointsDir = path.join(runDir, 'checkpoints');
  if (!('kind' in found)) return viewOfFamily(found, checkpointsDir);
  return found.kind === 'vision' ? viewOfComparison(found, checkpointsDir) : viewOfSelection(found, checkpointsDir);
}

/** Results as a table for a terminal of 80 columns, what its columns are, and what the controls say. */
export interface Report {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  readonly legend: readonly string[];
  readonly notes: readonly string[];
}

export function reportOf(found: Results): Report {
  if (!('kind' in found)) return describeTradeoff(found);
  return found.kind === 'vision' ? comparisonTable(found) : selectionTable(found);
}
