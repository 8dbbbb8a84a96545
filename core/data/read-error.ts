import * as l10n from '@vscode/l10n';
import { messageOf, systemCode, UserError } from '../errors';

/** Turns the disk's own errors about a file that is read into sentences; everything else passes through. */
export function explainReadError(error: unknown, file: string): unknown {
  const code = systemCode(error);
  if (error instanceof UserError || code === undefined) return error;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new UserError('data.not-found', l10n.t`${file} does not exist.`, l10n.t('Check the path in the spec.'), {
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new UserError('data.unreadable', l10n.t`Not allowed to read ${file}.`, l10n.t('Check its permissions.'), {
      cause: error,
    });
  }
  return new UserError('data.unreadable', l10n.t`${file} cannot be read: ${messageOf(error)}.`, '', { cause: error });
}
