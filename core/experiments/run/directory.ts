import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { makeFolder, writeFileAtomic, writeFolderAtomic } from '../../files';
import { isNotFound, readText } from '../../read-text';
import { expectedDevice } from '../spec/spec';
import { decodeRecord, encodeRecord, RECORD_VERSION, storedRecord, type Lineage, type RunRecord } from './record';
import { parseAs, STATUS_VERSION, type RunStatus } from './status';

export type { Lineage, RunRecord };

/** The paths in a run directory. */
export const runPaths = (dir: string) => ({
  dir,
  record: path.join(dir, 'run.json'),
  status: path.join(dir, 'status.json'),
  events: path.join(dir, 'events.jsonl'),
  log: path.join(dir, 'log.txt'),
  /** What the run and its machine used: see `core/experiments/system`. */
  system: path.join(dir, 'system.jsonl'),
  /** A request to the worker to stop: see `StopRequest`. */
  stop: path.join(dir, 'stop.json'),
  checkpoints: path.join(dir, 'checkpoints'),
  artifacts: path.join(dir, 'artifacts'),
  /** Shared by the runs of one `runs/` folder. */
  cache: path.join(path.dirname(dir), '.cache'),
});

/** No vowels and no look-alikes, so that an id does not spell a word and can be read aloud. */
const ID_LETTERS = '23456789bcdfghjkmnpqrstvwxz';

/** For example `20261123-143001-plrd-x7k2`: sorts by time (UTC), names the method, and ends in something short to type. */
export function newRunId(method: string, created: number): string {
  const [day = '', time = ''] = new Date(created)
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .split('T');
  const tail = Array.from(randomBytes(4), (byte) => ID_LETTERS[byte % ID_LETTERS.length]!).join('');
  return `${day}-${time}-${method.toLowerCase().replaceAll(/[^a-z0-9]+/g, '')}-${tail}`;
}

/**
 * Creates a complete run directory, or nothing, in state `queued`.
 * @returns its absolute path
 * @throws UserError `disk.*`, `run.exists`
 */
export async function createRunDirectory(runsDir: string, record: RunRecord): Promise<string> {
  const paths = runPaths(path.resolve(runsDir, record.id));
  await makeFolder(path.resolve(runsDir));
  if (existsSync(paths.dir))
    throw new UserError(
      'run.exists',
      l10n.t`There already is a run ${record.id} in ${path.resolve(runsDir)}.`,
      l10n.t('Move it away first, or choose another folder of runs (--runs-dir).'),
    );
  const status: RunStatus = {
    v: STATUS_VERSION,
    state: 'queued',
    attempt: 0,
    worker: null,
    device: expectedDevice(record.spec.device),
    machine: null,
    heartbeat: record.created,
    started: null,
    ended: null,
    worked: 0,
    reason: null,
  };
  await writeFolderAtomic(paths.dir, async (folder) => {
    const inside = runPaths(folder);
    await mkdir(inside.checkpoints);
    await mkdir(inside.artifacts);
    await writeFile(inside.events, '');
    await writeFile(inside.log, '');
    await writeFile(inside.status, json(status));
    await writeFile(inside.record, json(encodeRecord(record, paths.dir)));
  });
  return paths.dir;
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/** @param options as `writeFileAtomic` */
export const writeStatus = (dir: string, status: RunStatus, options?: { readonly sync: boolean }) =>
  writeFileAtomic(runPaths(dir).status, json(status), options);

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export async function readRecord(dir: string): Promise<RunRecord> {
  const file = runPaths(dir).record;
  const text = await readText(file).catch((error: unknown) => {
    if (isNotFound(error))
      throw new UserError(
        'run.unreadable',
        l10n.t`${dir} is not a run directory: it has no run.json.`,
        l10n.t('Check the path.'),
        {
          cause: error,
        },
      );
    throw error;
  });
  return decodeRecord(parseAs(storedRecord, text, file, RECORD_VERSION), path.resolve(dir));
}

/** Whether a run directory was deleted or moved, or is being deleted. Every run directory has a `run.json`. */
export const isGone = (dir: string) => !existsSync(runPaths(dir).record);
