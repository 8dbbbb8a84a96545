import { readFile } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { sealed, unseal } from './checksum';
import { messageOf, systemCode, UserError } from './errors';
import { writeFileAtomic } from './files';

/** JSON files that a run reads again when it is resumed. A checksum detects changes since they were written. */

export const writeSealed = (file: string, value: object): Promise<void> => writeFileAtomic(file, sealed(value));

/**
 * Reads a file written by `writeSealed`; undefined if it does not exist.
 * @param hint what to do if it is damaged
 * @throws UserError `file.damaged`
 */
export async function readSealed<T>(
  file: string,
  schema: z.ZodType<T>,
  hint = l10n.t('Restore it from a copy, or run it again with "winnow rerun".'),
): Promise<T | undefined> {
  try {
    return schema.parse(unseal(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    const at = issue?.path.length ? `${issue.path.join('.')}: ` : '';
    const reason = issue ? `${at}${issue.message}` : messageOf(error).replaceAll(/\s+/g, ' ');
    throw new UserError('file.damaged', l10n.t`${file} was damaged after it was written: ${reason}.`, hint, {
      cause: error,
    });
  }
}
