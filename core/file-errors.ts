import { constants, type Stats } from 'node:fs';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from './errors';

/** Without it, opening a pipe that nobody writes to waits for ever; Windows has no such files. */
export const NO_WAIT = (constants as Partial<typeof constants>).O_NONBLOCK ?? 0;

/** Turns the disk's own errors while reading into sentences; everything else passes through. */
export function explainReadError(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (error instanceof UserError || code === undefined) return error;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new UserError(
        'file.not-found',
        l10n.t`There is no file ${path}.`,
        l10n.t('Check the path; the file may have been moved or deleted.'),
        {
          cause: error,
        },
      );
    case 'EISDIR':
      return notAFile(path, l10n.t('a folder'));
    case 'EACCES':
    case 'EPERM':
      return new UserError(
        'file.denied',
        l10n.t`Not allowed to read ${path}.`,
        l10n.t('Check the permissions of the file.'),
        {
          cause: error,
        },
      );
    default:
      return new UserError(
        'file.unreadable',
        l10n.t`Could not read ${path} (${code}).`,
        l10n.t('Check the disk or the network.'),
        {
          cause: error,
        },
      );
  }
}

const notAFile = (path: string, what: string) =>
  new UserError('file.not-a-file', l10n.t`${path} is ${what}, not a file.`, l10n.t('Give the path of a regular file.'));

/** @throws UserError `file.not-a-file` */
export function requireFile(path: string, found: Stats): void {
  if (found.isFile()) return;
  const what = found.isDirectory()
    ? l10n.t('a folder')
    : found.isFIFO()
      ? l10n.t('a named pipe')
      : found.isSocket()
        ? l10n.t('a socket')
        : l10n.t('a device');
  throw notAFile(path, what);
}
