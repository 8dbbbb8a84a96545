import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../../errors';
import { explainDiskError, makeFolder, recoverWrites } from '../../files';
import { readEvents } from './event-log';
import { RunHistory } from './history';
import type { Lease } from './lease';
import { runPaths } from './directory';

const foldersOf = ({ dir }: Pick<Lease, 'dir'>) => [runPaths(dir).checkpoints, runPaths(dir).artifacts];

/** Cleans up what a killed worker left half-written. @throws UserError `disk.*`, LeaseLost */
export async function clearUnfinished(lease: Pick<Lease, 'dir'>): Promise<void> {
  for (const folder of [lease.dir, ...foldersOf(lease)]) if (await exists(folder)) await recoverWrites(folder);
}

/**
 * Puts a run directory in order before a worker works in it: removes what is half-written, and makes folders anew that are
 * gone.
 * @returns what was lost with a folder, one sentence each
 * @throws UserError `disk.*`, `run.special-file`, LeaseLost
 */
export async function mendRun(lease: Pick<Lease, 'dir'>): Promise<string[]> {
  await clearUnfinished(lease);
  const gone: string[] = [];
  for (const folder of foldersOf(lease)) {
    if (!(await exists(folder))) gone.push(folder);
    await makeFolder(folder);
    await refuseSpecialFiles(folder);
  }
  if (gone.length === 0) return [];
  const paths = runPaths(lease.dir);
  const { events } = await readEvents(paths.events);
  const { checkpoints, artifacts } = new RunHistory(events);
  return [
    ...(gone.includes(paths.checkpoints) ? told('checkpoints', [...checkpoints.keys()]) : []),
    ...(gone.includes(paths.artifacts) ? told('artifacts', [...artifacts.keys()]) : []),
  ];
}

/** Methods read what they find there; a named pipe would keep them waiting for ever. */
async function refuseSpecialFiles(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries)
    if (entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice())
      throw new UserError(
        'run.special-file',
        l10n.t`${path.join(entry.parentPath, entry.name)} is a named pipe, a socket or a device, not a file.`,
        l10n.t('Move it away, then resume the run.'),
      );
}

/** Nothing is said of a folder that held nothing. */
function told(folder: string, held: readonly string[]): string[] {
  if (held.length === 0) return [];
  const first = held.slice(0, 5).join(', ');
  const shown = held.length > 5 ? l10n.t`${first} and ${held.length - 5} more` : first;
  return [
    l10n.t`The folder ${folder}/ was missing and was created again. It held ${shown}: the run recreates what it needs; the rest is lost.`,
  ];
}

const exists = (folder: string) =>
  access(folder).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false;
      throw explainDiskError(error, folder);
    },
  );
