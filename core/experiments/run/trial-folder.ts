import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { remove } from '../../files';
import { isNotFound } from '../../read-text';
import type { PlannedTrial } from '../method';
import { readStatus, type RunStatus } from './status';

/** The codes of errors of runs whose trials were done elsewhere, and not all of them: some have failed, or none has. */
export const TRIALS_FAILED = 'trial.failed';
export const TRIALS_UNFINISHED = 'trial.unfinished';

const TRIALS = 'trials';
const HIDDEN = '.';

/** Where the trials of a run are. */
export const trialsFolder = (dir: string) => path.join(dir, TRIALS);

/**
 * Where a trial is: the file that is there when it is done, and the folder where it is run alone, which is a run directory in small: a
 * status, events, locks, and the checkpoint to resume from.
 */
export function trialPaths(dir: string, trial: string) {
  const folder = path.join(trialsFolder(dir), `${HIDDEN}${trial}`);
  return {
    dir: folder,
    done: path.join(trialsFolder(dir), `${trial}.json`),
    status: path.join(folder, 'status.json'),
    events: path.join(folder, 'events.jsonl'),
  };
}

/** What the jobs of trials print, each into a file of its own. */
export const taskLogs = (dir: string) => path.join(trialsFolder(dir), '.jobs');

/** The names of the trials that have been run alone, or are. */
export async function trialsAlone(dir: string): Promise<string[]> {
  const names = await readdir(trialsFolder(dir)).catch(() => []);
  return names.flatMap((name) =>
    name.startsWith(HIDDEN) && existsSync(trialPaths(dir, name.slice(1)).events) ? [name.slice(1)] : [],
  );
}

/** The names of the trials that are done, of those planned. One question to the file system serves all. */
export async function trialsDone(dir: string, planned: readonly PlannedTrial[]): Promise<ReadonlySet<string>> {
  const names = new Set(await readdir(trialsFolder(dir)).catch(() => []));
  return new Set(planned.flatMap(({ name }) => (names.has(`${name}.json`) ? [name] : [])));
}

/** The last status of a trial that was started alone. @throws UserError `run.unreadable`, `file.*` */
export async function readTrialStatus(dir: string, trial: string): Promise<RunStatus | undefined> {
  return readStatus(trialPaths(dir, trial).status).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

/** Lets trials that have failed be tried again. */
export async function forgetFailures(dir: string, trials: readonly PlannedTrial[]): Promise<void> {
  for (const { name } of trials) {
    const status = await readTrialStatus(dir, name).catch(() => undefined);
    if (status?.state === 'failed') await remove(trialPaths(dir, name).status);
  }
}

/** Why a trial that was to be run alone is not done, as a sentence without its name. */
export async function whyNotDone(
  dir: string,
  trial: string,
): Promise<{ readonly failed: boolean; readonly message: string }> {
  const status = await readTrialStatus(dir, trial).catch(() => undefined);
  if (status?.state === 'failed') return { failed: true, message: status.reason?.message ?? l10n.t('It has failed.') };
  if (!status)
    return { failed: false, message: l10n.t('It was not started: its job was cancelled, or could not start.') };
  if (status.state === 'stopped')
    return { failed: false, message: l10n.t('It was interrupted, with a checkpoint, and did not go on.') };
  return {
    failed: true,
    message: l10n.t('Its job ended in the middle: it was killed, ran out of memory, or lost its node.'),
  };
}

/** Prints what the jobs of trials have printed, and deletes their files: the output of a worker is the log of the run. */
export async function tellTaskLogs(dir: string): Promise<void> {
  const folder = taskLogs(dir);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
    const file = path.join(folder, name);
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    await remove(file);
  }
}
