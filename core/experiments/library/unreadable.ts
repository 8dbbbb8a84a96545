import { lstat, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { systemCode, type UserError } from '../../errors';
import { runPaths } from '../run/directory';
import type { ExitReason } from '../run/status';

/** A run that cannot be read; only its folder and the reason can be shown. */
export interface UnreadableRun {
  /** The name of its folder. */
  readonly id: string;
  readonly dir: string;
  readonly state: 'unreadable';
  readonly created: number;
  readonly reason: ExitReason;
}

/**
 * The entry for a folder whose `run.json` cannot be read; undefined if the folder is not a run.
 * @param cause why it cannot be read
 */
export async function unreadableRun(dir: string, cause: UserError): Promise<UnreadableRun | undefined> {
  const reason = await reasonOf(dir, cause);
  return reason && { id: path.basename(dir), dir, state: 'unreadable', created: await createdOf(dir), reason };
}

async function reasonOf(dir: string, cause: UserError): Promise<ExitReason | undefined> {
  const link = await brokenLink(dir);
  if (link !== undefined)
    return {
      code: 'run.unreadable',
      message: l10n.t`${dir} is a link to ${link}, which cannot be reached.`,
      hint: l10n.t('Is its disk mounted? Correct the link, or remove it.'),
    };
  if (cause.code === 'run.newer' || cause.code === 'file.denied')
    return { code: cause.code, message: cause.message, hint: cause.hint };
  // A folder without run.json counts as a run only if it has another file of a run.
  const missing = await isMissing(runPaths(dir).record);
  if (missing && (await isMissing(runPaths(dir).status)) && (await isMissing(runPaths(dir).events))) return undefined;
  return {
    code: 'run.unreadable',
    message: missing ? l10n.t`${runPaths(dir).record} is missing.` : cause.message,
    hint: l10n.t`The run cannot continue without it, but its checkpoints can be opened. Restore the file from a copy, or remove the run with "winnow delete ${path.basename(dir)}".`,
  };
}

/** The target of a broken link; undefined if the link is not broken. */
async function brokenLink(dir: string): Promise<string | undefined> {
  try {
    await stat(dir);
    return undefined;
  } catch (error) {
    if (!['ENOENT', 'ELOOP', 'ENOTDIR', 'EIO', 'ESTALE'].includes(systemCode(error) ?? '')) return undefined;
    return readlink(dir).catch(() => undefined);
  }
}

const isMissing = (file: string) =>
  lstat(file).then(
    () => false,
    (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? ''),
  );

/** Ids begin with the time; otherwise, the modification time of the folder. */
async function createdOf(dir: string): Promise<number> {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(path.basename(dir))?.map(Number) ?? [];
  if (second !== undefined) return Date.UTC(year!, month! - 1, day, hour, minute, second);
  return lstat(dir).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
