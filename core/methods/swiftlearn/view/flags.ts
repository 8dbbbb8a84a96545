import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { systemCode, UserError } from '../../../errors';
import { runPaths } from '../../../experiments/run/directory';
import { writeFileAtomic } from '../../../files';

/** `artifacts/importance-flags.json`: samples that a person marked, by their number in the training part of the data. */
const flags = z.object({ version: z.literal(1), flagged: z.array(z.int().nonnegative()) });

export const FLAGS_FILE = 'importance-flags.json';
const fileIn = (runDir: string) => path.join(runPaths(runDir).artifacts, FLAGS_FILE);

/** None where nobody has marked any. @throws UserError `importance.unreadable-flags` */
export async function readFlags(runDir: string): Promise<ReadonlySet<number>> {
  const file = fileIn(runDir);
  try {
    return new Set(flags.parse(JSON.parse(await readFile(file, 'utf8'))).flagged);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return new Set();
    throw new UserError(
      'importance.unreadable-flags',
      l10n.t`${file} cannot be read.`,
      l10n.t('Delete it to start without flags; another version of Winnow may have written it.'),
      { cause: error },
    );
  }
}

/** @returns all that are marked then @throws UserError `importance.unreadable-flags`, `disk.*` */
export async function setFlags(
  runDir: string,
  samples: readonly number[],
  flagged: boolean,
): Promise<ReadonlySet<number>> {
  // Read anew: another window, or the command line, may have marked others.
  const all = new Set(await readFlags(runDir));
  for (const sample of samples) {
    if (flagged) all.add(sample);
    else all.delete(sample);
  }
  const content = { version: 1, flagged: [...all].sort((a, b) => a - b) } satisfies z.input<typeof flags>;
  await writeFileAtomic(fileIn(runDir), `${JSON.stringify(content)}\n`);
  return all;
}
