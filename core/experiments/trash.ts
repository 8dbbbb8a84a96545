import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors';
import { explainDiskError } from '../files';
import { isGone, runPaths } from './run-directory';
import { readState } from './status';

/** Deleted runs, inside the folder of runs: readers leave folders alone whose names begin with a dot. */
export const trashOf = (runsDir: string) => path.join(runsDir, '.trash');

/** @throws UserError `run.not-found`, `run.unreadable`, `run.busy` for a run that a process works on */
export async function requireDeletable(dir: string): Promise<void> {
  if (isGone(dir)) throw new UserError('run.not-found', `There is no run in ${dir}.`, 'It was deleted or moved.');
  const { state } = await readState(runPaths(dir).status);
  if (state === 'running' || state === 'stopping')
    throw new UserError('run.busy', `The run ${path.basename(dir)} is ${state}.`, 'Stop it, then delete it.');
}

/**
 * Moves a run into the trash of its folder, from where `restoreRun` takes it back.
 * @returns where it lies now
 * @throws UserError `run.not-found`, `run.busy`, `run.exists` when the trash has one of that name, `disk.*`
 */
export async function trashRun(dir: string): Promise<string> {
  await requireDeletable(dir);
  const trash = trashOf(path.dirname(dir));
  const target = path.join(trash, path.basename(dir));
  if (!isGone(target))
    throw new UserError(
      'run.exists',
      `The trash holds a run ${path.basename(dir)} already.`,
      'Empty the trash with "winnow delete --empty-trash", or delete this one for good.',
    );
  try {
    await mkdir(trash, { recursive: true });
    await rename(dir, target);
  } catch (error) {
    throw explainDiskError(error, target);
  }
  return target;
}

/** Deletes a run for good. @throws UserError `run.not-found`, `run.busy`, `disk.*` */
export async function deleteRun(dir: string): Promise<void> {
  await requireDeletable(dir);
  await rm(dir, { recursive: true, force: true }).catch((error: unknown) => {
    throw explainDiskError(error, dir);
  });
}

/** Takes a run back. @throws UserError `run.not-found`, `run.exists`, `disk.*` */
export async function restoreRun(runsDir: string, id: string): Promise<string> {
  const from = path.join(trashOf(runsDir), id);
  const target = path.join(runsDir, id);
  if (isGone(from))
    throw new UserError('run.not-found', `There is no run "${id}" in the trash.`, '"winnow restore" lists it.');
  if (!isGone(target)) throw new UserError('run.exists', `The run ${id} is there already.`, 'Delete that one first.');
  await rename(from, target).catch((error: unknown) => {
    throw explainDiskError(error, target);
  });
  return target;
}

/** Ids of the runs in the trash. */
export const listTrash = async (runsDir: string): Promise<string[]> =>
  (await readdir(trashOf(runsDir)).catch(() => [])).sort();

/** Deletes what is in the trash for good. @throws UserError `disk.*` */
export async function emptyTrash(runsDir: string): Promise<void> {
  const trash = trashOf(runsDir);
  await rm(trash, { recursive: true, force: true }).catch((error: unknown) => {
    throw explainDiskError(error, trash);
  });
}
