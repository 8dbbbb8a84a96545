import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { explainReadError, NO_WAIT } from './file-errors';
import { UserError } from './errors';

/**
 * Opens a file to read. What is no file (a folder, a named pipe, a device) is an error, where reading it might never end.
 * @throws UserError `file.*`; `file.not-found` where there is none
 */
export async function openToRead(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, constants.O_RDONLY | NO_WAIT);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    throw explainReadError(error, file);
  }
  throw new UserError(
    'file.not-a-file',
    l10n.t`${file} is not a file.`,
    l10n.t('Something else is in its place: move it away.'),
  );
}

/** The text of a file. @throws as `openToRead` */
export async function readText(file: string): Promise<string> {
  const handle = await openToRead(file);
  try {
    return await handle.readFile('utf8');
  } catch (error) {
    throw explainReadError(error, file);
  } finally {
    await handle.close();
  }
}

const hasCode = (error: unknown, code: string) => error instanceof UserError && error.code === code;

export const isNotFound = (error: unknown): boolean => hasCode(error, 'file.not-found');
/** Something else lies where the file should be. */
export const isNoFile = (error: unknown): boolean => hasCode(error, 'file.not-a-file');
