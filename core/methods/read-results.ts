import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { readOldRun, type OldRun } from '../comparison/old-tradeoff';
import { readResultsFile, resultsPath } from '../comparison/results-file';
import { variantRecord, visionFacts, visionOutcome } from '../comparison/vision/artifacts';
import { visionResults } from '../comparison/vision/results';
import { UserError } from '../errors';
import type { Results } from '../protocol/results';
import { familyFacts, madeModel } from './plrd/artifacts';
import { familyResults } from './plrd/results';
import { selectionFacts, selectionOutcome, variantRecord as selectionVariant } from './swiftlearn/artifacts';
import { selectionResults } from './swiftlearn/results';

/**
 * The results of a run so far, from any method and version of Winnow; undefined if there are none yet.
 * @throws UserError `results.unreadable` if they can be rebuilt from the trials, `results.newer`, `file.*`
 */
export async function readResults(runDir: string): Promise<Results | undefined> {
  const artifactsDir = path.join(runDir, 'artifacts');
  try {
    const now = await readResultsFile(artifactsDir);
    if (now) return now;
    const old = await readOldRun(artifactsDir);
    return old && SUMMARIES[old.shape](old);
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
    throw new UserError(
      'results.unreadable',
      l10n.t`${resultsPath(artifactsDir)} was damaged after it was written.`,
      l10n.t('Resume the run: the file is rebuilt from those in trials/, without training.'),
      { cause: error },
    );
  }
}

const ofTrial = z.object({ variant: z.string(), seed: z.number() });

/** Summarizes the trials of an old run like those of a new one. */
const SUMMARIES: Record<OldRun['shape'], (old: OldRun) => Results> = {
  family: ({ facts, trials }) =>
    familyResults(
      trials.map((trial) => madeModel.parse(trial)),
      familyFacts.parse(facts),
    ),
  vision: ({ facts, variants, trials, times }) =>
    visionResults({
      facts: visionFacts.parse(facts),
      variants: variants.map((variant) => variantRecord.parse(variant)),
      trials: trials.map((trial) => ({ ...visionOutcome.parse(trial), ...ofTrial.parse(trial) })),
      times,
    }),
  selection: ({ facts, variants, trials }) =>
    selectionResults({
      facts: selectionFacts.parse(facts),
      variants: variants.map((variant) => selectionVariant.parse(variant)),
      trials: trials.map((trial) => ({ ...selectionOutcome.parse(trial), ...ofTrial.parse(trial) })),
    }),
};
