import { lstat, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { explainDiskError, makeFolder, remove } from '../../files';
import { isUnderway, isWaiting, runStateName } from '../../protocol/runs';
import { livingHolder } from '../run/lease';
import { attemptsIn } from '../run/lock-file';
import { runPaths } from '../run/directory';
import { readStatus, stateOf } from '../run/status';
import { leaveQueue } from '../../workers/queue/place';
import { queueHandle } from '../../workers/queue/wait';
import { isReadable, readListed, type ListedRun } from './store';

/** Deleted runs, inside the folder of runs: readers skip folders whose names begin with a dot. */
export const trashOf = (runsDir: string) => path.join(runsDir, '.trash');

/** @throws UserError `run.not-found`, `run.busy` if a process is working on the run */
export async function requireDeletable(dir: string): Promise<void> {
  const run = await readListed(dir);
  if (!run)
    throw new UserError('run.not-found', l10n.t`There is no run in ${dir}.`, l10n.t('It was deleted or moved.'));
  const worked = isReadable(run) ? isUnderway(run.state) && !waitsHere(run) : await isHeld(dir);
  if (worked)
    throw new UserError(
      'run.busy',
      l10n.t`The run ${path.basename(dir)} is ${isReadable(run) ? runStateName(run.state) : l10n.t('in use')}.`,
      l10n.t('Stop it, then delete it.'),
    );
}

/** Where a run waits in the queue of this machine, which it leaves when it is deleted. */
const waitsHere = (run: ListedRun) =>
  isReadable(run) && isWaiting(run.state) ? queueHandle(run.status.worker) : undefined;

/** Takes a run that is deleted out of the queue. @throws UserError `run.busy` if it has just been started */
async function leave(dir: string): Promise<void> {
  const run = await readListed(dir);
  const place = run && waitsHere(run);
  if (place && !(await leaveQueue(place)))
    throw new UserError(
      'run.busy',
      l10n.t`The run ${path.basename(dir)} is about to start.`,
      l10n.t('Stop it, then delete it.'),
    );
}

/** Whether a process is working on a run whose `run.json` cannot be read. */
async function isHeld(dir: string): Promise<boolean> {
  const status = await readStatus(runPaths(dir).status).catch(() => undefined);
  if (status && isUnderway(stateOf(status))) return true;
  const newest = (await attemptsIn(dir).catch(() => [])).at(-1) ?? 0;
  const holder = await livingHolder(dir, newest, { heartbeat: 0, worker: null }).catch(() => undefined);
  return holder !== undefined;
}

/**
 * Moves a run into the trash of its folder; `restoreRun` moves it back.
 * @returns its path in the trash
 * @throws UserError `run.not-found`, `run.busy`, `run.exists` if the trash already has a run of that name, `disk.*`
 */
export async function trashRun(dir: string): Promise<string> {
  await requireDeletable(dir);
  const trash = trashOf(path.dirname(dir));
  const target = path.join(trash, path.basename(dir));
  if (await isThere(target))
    throw new UserError(
      'run.exists',
      l10n.t`The trash already holds a run ${path.basename(dir)}.`,
      l10n.t('Empty the trash with "winnow delete --empty-trash", or delete this one permanently.'),
    );
  await makeFolder(trash);
  await leave(dir);
  await move(dir, target);
  return target;
}

/** Deletes a run permanently. @throws UserError `run.not-found`, `run.busy`, `disk.*` */
export async function deleteRun(dir: string): Promise<void> {
  await requireDeletable(dir);
  await leave(dir);
  await remove(dir);
}

/** Restores a run from the trash. @throws UserError `run.not-found`, `run.exists`, `disk.*` */
export async function restoreRun(runsDir: string, id: string): Promise<string> {
  const from = path.join(trashOf(runsDir), id);
  const target = path.join(runsDir, id);
  if (!(await isThere(from)))
    throw new UserError(
      'run.not-found',
      l10n.t`There is no run "${id}" in the trash.`,
      l10n.t('"winnow restore" lists what is in it.'),
    );
  if (await isThere(target))
    throw new UserError('run.exists', l10n.t`The run ${id} already exists.`, l10n.t('Delete that one first.'));
  await move(from, target);
  return target;
}

/** A link counts, even if its target is missing. */
const isThere = (file: string) =>
  lstat(file).then(
    () => true,
    () => false,
  );

async function move(from: string, target: string): Promise<void> {
  await rename(from, target).catch((error: unknown) => {
    throw explainDiskError(error, target);
  });
}

/** The ids of the runs in the trash. */
export const listTrash = async (runsDir: string): Promise<string[]> =>
  (await readdir(trashOf(runsDir)).catch(() => [])).sort();

/** Permanently deletes everything in the trash. @throws UserError `disk.*` */
export async function emptyTrash(runsDir: string): Promise<void> {
  await remove(trashOf(runsDir));
}
