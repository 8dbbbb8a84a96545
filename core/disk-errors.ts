import { accessSync, constants, lstatSync, readlinkSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from './errors';

/** What the system says when a write fails for a reason that lies with the disk or with the system, not with Winnow. */
const FAILURES = new Set([
  ...['EIO', 'ENXIO', 'ENODEV', 'ESTALE', 'EREMOTEIO', 'ETIMEDOUT', 'EBUSY', 'EISDIR', 'ENOTEMPTY', 'ESPIPE'],
  ...['EFBIG', 'ENAMETOOLONG', 'ELOOP', 'EXDEV', 'EMLINK', 'EMFILE', 'ENFILE'],
]);

/** Turns the disk's own errors into sentences; everything else passes through. */
export function explainDiskError(error: unknown, target: string): unknown {
  const code = systemCode(error);
  switch (code) {
    case 'ENOSPC':
      return diskFull(l10n.t`No space left to write ${target}.`, error);
    case 'EDQUOT':
      return diskFull(l10n.t`No space left to write ${target}: the disk quota is used up.`, error);
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return denied(code, target, error);
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST':
      return explainObstacle(error, target);
    default:
      if (code === undefined || !FAILURES.has(code)) return error;
      return new UserError(
        'disk.failed',
        l10n.t`Could not write ${target} (${code}).`,
        l10n.t('Check the disk or the network.'),
        {
          cause: error,
        },
      );
  }
}

const diskFull = (message: string, cause: unknown) =>
  new UserError(
    'disk.full',
    message,
    l10n.t('Free some space, then try again; a run can be resumed from its last checkpoint.'),
    {
      cause,
    },
  );

const denied = (code: string, target: string, cause: unknown) =>
  code === 'EROFS'
    ? new UserError(
        'disk.denied',
        l10n.t`${target} cannot be written: the file system is read-only.`,
        l10n.t('Use a writable folder; --runs-dir sets where runs go.'),
        { cause },
      )
    : new UserError(
        'disk.denied',
        l10n.t`Not allowed to write ${target}.`,
        l10n.t('Check the permissions of the folder.'),
        {
          cause,
        },
      );

/**
 * A path that does not lead where it should. What the system reports is often not the reason: Node's recursive mkdir says
 * ENOENT where a file system is read-only, so the nearest thing above that is there is looked at.
 */
function explainObstacle(error: unknown, target: string): unknown {
  const parent = path.dirname(path.resolve(target));
  const nearest = nearestAbove(path.resolve(target));
  const found = look(statSync, nearest);
  if (!found)
    return new UserError(
      'disk.vanished',
      l10n.t`${nearest} is a link to ${readlinkSync(nearest)}, which does not exist.`,
      l10n.t('Is its disk mounted? Correct the link, or use another folder.'),
      { cause: error },
    );
  const isInTheWay = nearest !== path.resolve(target) || systemCode(error) !== 'ENOENT';
  if (!found.isDirectory() && isInTheWay)
    return new UserError(
      'disk.not-a-folder',
      l10n.t`${nearest} is a file, not a folder.`,
      l10n.t('Move it away, or use another folder.'),
      { cause: error },
    );
  try {
    accessSync(nearest, constants.W_OK);
  } catch (refusal) {
    const code = systemCode(refusal);
    if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return denied(code, target, error);
  }
  return nearest === parent || nearest === path.resolve(target)
    ? new UserError(
        'disk.vanished',
        l10n.t`${target} could not be written: the temporary file was removed before it was complete.`,
        l10n.t('Check whether another program cleans up that folder, then try again.'),
        { cause: error },
      )
    : new UserError('disk.vanished', l10n.t`${parent} does not exist (anymore).`, l10n.t('Was it moved or deleted?'), {
        cause: error,
      });
}

/** The path itself or the first above it that is there, be it a link that leads nowhere. */
function nearestAbove(start: string): string {
  let at = start;
  while (!look(lstatSync, at) && at !== path.dirname(at)) at = path.dirname(at);
  return at;
}

function look(stat: (file: string) => Stats, file: string): Stats | undefined {
  try {
    return stat(file);
  } catch {
    return undefined;
  }
}
