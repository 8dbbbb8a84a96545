import { lstat, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { systemCode, type UserError } from '../../errors';
import { runPaths } from '../run/directory';
import type { ExitReason } from '../run/status';

/** A run of which nothing can be shown but that it is there, and why. */
export interface UnreadableRun {
  /** The name of its folder. */
  readonly id: string;
  readonly dir: string;
  readonly state: 'unreadable';
  readonly created: number;
  readonly reason: ExitReason;
}

/**
 * What to show of a folder whose `run.json` cannot be read; undefined for one that is no run.
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
  // A folder without run.json is a run only if something else says so.
  const missing = await isMissing(runPaths(dir).record);
  if (missing && (await isMissing(runPaths(dir).status)) && (await isMissing(runPaths(dir).events))) return undefined;
  return {
    code: 'run.unreadable',
    message: missing ? l10n.t`${runPaths(dir).record} is missing.` : cause.message,
    hint: l10n.t`The run cannot continue without it, but its checkpoints can be opened. Restore the file from a copy, or remove the run with "winnow delete ${path.basename(dir)}".`,
  };
}

/** Where a link leads that leads nowhere. */
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

/** Ids begin with their time; else that of the folder. */
async function createdOf(dir: string): Promise<number> {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(path.basename(dir))?.map(Number) ?? [];
  if (second !== undefined) return Date.UTC(year!, month! - 1, day, hour, minute, second);
  return lstat(dir).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
