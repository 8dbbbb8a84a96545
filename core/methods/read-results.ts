import { existsSync } from 'node:fs';
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
import { familyResults } from './plrd/results/results';
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
    throw lost(l10n.t`${resultsPath(artifactsDir)} was damaged after it was written.`, { cause: error });
  }
}

/** @throws UserError `results.unreadable` if a finished run has trials and no results; as `readResults` */
export async function readFinalResults(runDir: string): Promise<Results | undefined> {
  const found = await readResults(runDir);
  if (!found && existsSync(path.join(runDir, 'trials')))
    throw lost(l10n.t`${resultsPath(path.join(runDir, 'artifacts'))} is missing.`);
  return found;
}

// The command, since the editor offers Resume only for runs that are not done.
const lost = (message: string, options?: ErrorOptions) =>
  new UserError(
    'results.unreadable',
    message,
    l10n.t('"winnow resume" rebuilds it from the files in trials/, without training.'),
    options,
  );

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
