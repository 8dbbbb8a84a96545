import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../errors';
import type { ArtifactKind } from '../experiments/artifact-kinds';
import type { RunContext } from '../experiments/method';
import { writeFileAtomic } from '../files';
import { results, RESULTS_FILE, RESULTS_VERSION, type Results } from '../protocol/results';
import { readText, isNotFound } from '../read-text';
import { sealed, unseal } from '../checksum';
import { OLD_FILE, withDropKey } from './old-tradeoff';

/** The artifact kind of methods that compare models. */
export const RESULTS: ArtifactKind = { kind: 'tradeoff', files: RESULTS_FILE, formerly: OLD_FILE };

export const resultsPath = (artifactsDir: string): string => path.join(artifactsDir, RESULTS_FILE);

/** Writes the results so far and emits an event; does nothing if the file is already up to date. */
export async function writeResults(
  { artifactsDir, emit }: Pick<RunContext, 'artifactsDir' | 'emit'>,
  value: Results,
): Promise<void> {
  const file = resultsPath(artifactsDir);
  const text = sealed(results.parse(value));
  if (text === (await textOf(file))) return;
  await writeFileAtomic(file, text);
  emit({ type: 'artifact', name: RESULTS_FILE, kind: RESULTS.kind });
}

const anyVersion = z.object({ version: z.number() });

/** Undefined if there is no file. @throws SyntaxError, ZodError, UserError `results.newer`, `file.*` */
export async function readResultsFile(artifactsDir: string): Promise<Results | undefined> {
  const file = resultsPath(artifactsDir);
  const text = await textOf(file);
  if (text === undefined) return undefined;
  const json = unseal(text);
  if ((anyVersion.safeParse(json).data?.version ?? 0) > RESULTS_VERSION)
    throw new UserError(
      'results.newer',
      l10n.t`A newer version of Winnow wrote ${file}.`,
      l10n.t('Update Winnow to read it.'),
    );
  return withDropKey(results.parse(json));
}

const textOf = (file: string): Promise<string | undefined> =>
  readText(file).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
