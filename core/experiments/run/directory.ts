import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { UserError } from '../../errors';
import { makeFolder, writeFileAtomic, writeFolderAtomic } from '../../files';
import { isNotFound, readText } from '../../read-text';
import { resolvedSpec } from '../spec/spec';
import { parseAs, type RunStatus } from './status';

const lineage = z.object({
  /** The checkpoint folder that the run starts from, as an absolute path when the run was made. */
  path: z.string(),
  /** The run and checkpoint it is, when it lies in a run directory. */
  run: z.string().optional(),
  checkpoint: z.string().optional(),
});

export const runRecord = z.object({
  v: z.literal(1),
  id: z.string(),
  /** Milliseconds since 1970. */
  created: z.number(),
  spec: resolvedSpec,
  /** The spec file, and its folder, which paths in the spec are relative to. */
  specFile: z.string(),
  baseDir: z.string(),
  winnow: z.string(),
  node: z.string(),
  onnxruntime: z.string().nullable(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.number(),
  /** The commit of the spec's folder, and whether tracked files or the spec differed from it; null outside of git. */
  git: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  /** SHA-256 by name, of the model and data that the run reads. */
  fingerprints: z.record(z.string(), z.string()),
  parents: z.array(lineage),
  /** The run that this one repeats. */
  rerunOf: z.string().optional(),
});
/** The content of `run.json`: what a colleague needs to repeat the run. Written once. */
export type RunRecord = z.output<typeof runRecord>;
export type Lineage = z.output<typeof lineage>;

/** Where things lie in a run directory. */
export const runPaths = (dir: string) => ({
  dir,
  record: path.join(dir, 'run.json'),
  status: path.join(dir, 'status.json'),
  events: path.join(dir, 'events.jsonl'),
  log: path.join(dir, 'log.txt'),
  checkpoints: path.join(dir, 'checkpoints'),
  artifacts: path.join(dir, 'artifacts'),
  /** Shared by the runs of one `runs/` folder. */
  cache: path.join(path.dirname(dir), '.cache'),
});

/** No vowels and no look-alikes: an id must not spell a word and must survive being read out. */
const ID_LETTERS = '23456789bcdfghjkmnpqrstvwxz';

/** `20261123-143001-plrd-x7k2`: sorts by time (UTC), says what it is, and ends in something short to type. */
export function newRunId(method: string, created: number): string {
  const [day = '', time = ''] = new Date(created)
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .split('T');
  const tail = Array.from(randomBytes(4), (byte) => ID_LETTERS[byte % ID_LETTERS.length]!).join('');
  return `${day}-${time}-${method.toLowerCase().replaceAll(/[^a-z0-9]+/g, '')}-${tail}`;
}

/**
 * Makes the run directory, whole or not at all, in state `queued`.
 * @returns its absolute path
 * @throws UserError `disk.*`, `run.exists`
 */
export async function createRunDirectory(runsDir: string, record: RunRecord): Promise<string> {
  const paths = runPaths(path.resolve(runsDir, record.id));
  await makeFolder(path.resolve(runsDir));
  if (existsSync(paths.dir))
    throw new UserError('run.exists', `The run ${record.id} already exists.`, 'Try again: every run gets a new id.');
  const status: RunStatus = {
    v: 1,
    state: 'queued',
    attempt: 0,
    worker: null,
    device: record.spec.device,
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
    await writeFile(inside.record, json(record));
  });
  return paths.dir;
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

export const writeStatus = (dir: string, status: RunStatus) => writeFileAtomic(runPaths(dir).status, json(status));

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export async function readRecord(dir: string): Promise<RunRecord> {
  const file = runPaths(dir).record;
  const text = await readText(file).catch((error: unknown) => {
    if (isNotFound(error))
      throw new UserError('run.unreadable', `${dir} is not a run directory: it has no run.json.`, 'Check the path.', {
        cause: error,
      });
    throw error;
  });
  return parseAs(runRecord, text, file);
}

/** Whether a run directory was deleted or moved, or is being deleted: its `run.json` is always there. */
export const isGone = (dir: string) => !existsSync(runPaths(dir).record);
