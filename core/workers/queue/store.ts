import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { link, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../../errors';
import { explainDiskError, PARTIAL } from '../../files';
import { EMPTY, QUEUE_VERSION, queueState, type QueueState } from './state';

const NAME = /^queue-(\d+)\.json$/;
const nameOf = (version: number) => `queue-${version}.json`;
const versionsIn = (names: readonly string[]) =>
  names.flatMap((name) => Number(NAME.exec(name)?.[1] ?? [])).sort((a, b) => a - b);

/** Older versions that are kept: of a damaged one, the one before it is used. */
const KEPT = 8;
/** Ids of changes that are kept. */
const REMEMBERED = 100;
/** Another process was faster: tried again after up to this, milliseconds. */
const JITTER = 20;

export interface Version {
  readonly version: number;
  readonly state: QueueState;
}

/** Parsed before, by folder: readers look often, and little changes. */
const known = new Map<string, Version>();

/**
 * The queue in a folder. Called at every look at a waiting run, so it only lists the folder if nothing has changed.
 * @throws UserError `queue.newer`; the file system's error
 */
export function readQueue(folder: string): Version {
  for (let tries = 0; ; tries++) {
    const versions = versionsIn(names(folder));
    const newest = versions.at(-1);
    if (newest === undefined) return { version: 0, state: EMPTY };
    const before = known.get(folder);
    if (before?.version === newest) return before;
    for (const version of versions.reverse()) {
      const state = parse(path.join(folder, nameOf(version)));
      if (state === undefined) continue;
      const found = { version: newest, state };
      // A version that is being written on a disk without links is not final.
      if (version === newest) known.set(folder, found);
      return found;
    }
    // All of them were replaced meanwhile, or all are damaged.
    if (tries > 5) return { version: newest, state: EMPTY };
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function parse(file: string): QueueState | undefined {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = queueState.safeParse(json);
  if (parsed.success) return parsed.data;
  const version = typeof json === 'object' && json !== null && 'v' in json ? json.v : undefined;
  if (typeof version === 'number' && version > QUEUE_VERSION)
    throw new UserError(
      'queue.newer',
      l10n.t`${file} was written by a newer version of Winnow.`,
      l10n.t('Update Winnow.'),
    );
  return undefined;
}

/**
 * Changes the queue. There is no lock that a killed or frozen process could leave behind: each version is a file of its own, which only
 * one process can create, and who comes second begins again with what the first one wrote.
 * @param update gives the new state (undefined: nothing changes) and a result; may be called again
 * @throws UserError `disk.*`, `queue.newer`; the error of `update`
 */
export async function changeQueue<T>(
  folder: string,
  update: (state: QueueState) => Promise<readonly [QueueState | undefined, T]> | readonly [QueueState | undefined, T],
): Promise<T> {
  for (;;) {
    const { version, state } = readQueue(folder);
    const [next, result] = await update(state);
    if (next === undefined || next === state) return result;
    if (await write(folder, version + 1, next)) return result;
    await sleep(Math.random() * JITTER);
  }
}

/** @returns whether this is now part of the queue; false if another process was faster */
async function write(folder: string, version: number, state: QueueState): Promise<boolean> {
  const id = randomBytes(6).toString('hex');
  const text = JSON.stringify({ ...state, changes: [...state.changes, id].slice(-REMEMBERED) });
  const target = path.join(folder, nameOf(version));
  const partial = path.join(folder, `${PARTIAL}${id}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      const handle = await open(partial, 'wx', 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await link(partial, target).catch(async (error: unknown) => {
        if (systemCode(error) === 'EEXIST') throw error;
        // Some network file systems have no links.
        await writeFile(target, text, { flag: 'wx', mode: 0o600 });
      });
    } finally {
      await rm(partial, { force: true });
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw explainDiskError(error, target);
  }
  const versions = versionsIn(await readdir(folder).catch(() => []));
  // If this process was frozen between reading and writing, this version may have come and gone: then nobody sees it.
  if (versions.at(-1) !== version && !readQueue(folder).state.changes.includes(id)) {
    await rm(target, { force: true });
    return false;
  }
  for (const old of versions.slice(0, -KEPT)) await rm(path.join(folder, nameOf(old)), { force: true });
  return true;
}
