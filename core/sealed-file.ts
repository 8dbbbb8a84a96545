import { readFile } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { sealed, unseal } from './checksum';
import { messageOf, systemCode, UserError } from './errors';
import { writeFileAtomic } from './files';

/** JSON files that a run reads again when it is resumed: with a checksum, so that what they say is what was written. */

export const writeSealed = (file: string, value: object): Promise<void> => writeFileAtomic(file, sealed(value));

/**
 * What `writeSealed` wrote; undefined where there is no such file.
 * @throws UserError `file.damaged`
 */
export async function readSealed<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(unseal(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    throw new UserError(
      'file.damaged',
      l10n.t`${file} was damaged after it was written: ${issue ? `${issue.path.join('.')}: ${issue.message}` : messageOf(error)}.`,
      l10n.t('Restore it from a copy, or run it again with "winnow rerun".'),
      { cause: error },
    );
  }
}
