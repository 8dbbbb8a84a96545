import * as l10n from '@vscode/l10n';
import { messageOf, systemCode, UserError } from '../../errors';
import { explainDiskError } from '../../files';
import { isGone } from './directory';
import { vanished } from './event-log';
import { INTERRUPTED, type ExitReason } from './status';

/** Whether an error is the stop that was asked for. */
export const isStop = (error: unknown, { aborted, reason }: AbortSignal): boolean =>
  aborted && (error === reason || (error instanceof Error && error.name === 'AbortError'));

export const stopped = (message: string): ExitReason => ({
  code: 'run.stopped',
  message,
  hint: l10n.t('Continue it with "winnow resume".'),
});

export const interrupted = (): ExitReason => ({
  ...stopped(l10n.t('The scheduler has interrupted it, at its time limit or for another job.')),
  code: INTERRUPTED,
});

/** Disk errors that a method passed on as Node threw them. They mean the same, whatever was being written. */
const DISK_ERRORS = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);
const WRITES = new Set(['write', 'writev', 'fsync', 'fdatasync', 'ftruncate', 'rename', 'mkdir']);

const isDiskError = (error: unknown): boolean => {
  const call = error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
  return DISK_ERRORS.has(systemCode(error) ?? '') || WRITES.has(call);
};

/** Why a run has failed. @param dir the run directory */
export function reasonFor(error: unknown, dir: string): ExitReason {
  const explained = isDiskError(error) ? explainDiskError(error, pathOf(error) ?? dir) : error;
  if (isGone(dir)) return { code: 'run.vanished', message: vanished(dir).message, hint: vanished(dir).hint };
  if (explained instanceof UserError) return { code: explained.code, message: explained.message, hint: explained.hint };
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return {
    code: 'internal',
    message: l10n.t`Winnow failed: ${messageOf(error)}`,
    hint: l10n.t('This is a bug in Winnow; log.txt has the details.'),
  };
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}
