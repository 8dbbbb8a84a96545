import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { systemCode, UserError } from '../errors';
import { explainDiskError, writeFileAtomic } from '../files';
import { isAlive, ownIdentity, processIdentity, type ProcessIdentity } from './process';

/** A lock file without content is one whose maker is about to write it, unless it is older than this, milliseconds. */
const HALF_MADE = 5_000;

const lockFile = z.object({ holder: processIdentity.nullable() });

const nameOf = (attempt: number) => `worker-${attempt}.lock`;
const attemptOf = (name: string) => Number(/^worker-(\d+)\.lock$/.exec(name)?.[1] ?? 0);

/** The right to work in a run directory, held by one process at a time. */
export interface RunLock {
  /** Counts the holders so far, from 1. */
  readonly attempt: number;
  release(): Promise<void>;
}

async function newest(dir: string): Promise<number> {
  const names = await readdir(dir).catch((error: unknown) => {
    throw explainDiskError(error, path.join(dir, nameOf(1)));
  });
  return Math.max(0, ...names.map(attemptOf));
}

/** The living holder of a lock file, if it has one. */
async function livingHolder(file: string, heartbeat: number): Promise<ProcessIdentity | 'starting' | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    const parsed = text === '' ? undefined : lockFile.safeParse(JSON.parse(text)).data;
    if (!parsed) return Date.now() - (await stat(file)).mtimeMs < HALF_MADE ? 'starting' : undefined;
    return parsed.holder && isAlive(parsed.holder, heartbeat) ? parsed.holder : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    // Removed by the holder of a newer lock, which the caller's next look will find.
    if (systemCode(error) === 'ENOENT') return undefined;
    throw explainDiskError(error, file);
  }
}

/**
 * Takes the lock. Each holder makes a new file, `worker-<attempt>.lock`, which only one process can create; the newest
 * file is the lock and is never deleted, only marked released. Removing a dead holder's file to make it again would let
 * two processes both remove and make it.
 * @param heartbeat time of the run's last sign of life, for a holder on another host
 * @throws UserError `run.busy` when a living process holds it, `disk.*`
 */
export async function takeLock(dir: string, heartbeat: number): Promise<RunLock> {
  const busy = (holder: string) =>
    new UserError('run.busy', `The run in ${dir} is being worked on by ${holder}.`, 'Wait for it, or stop it first.');
  const last = await newest(dir);
  const holder = last > 0 ? await livingHolder(path.join(dir, nameOf(last)), heartbeat) : undefined;
  if (holder) throw busy(holder === 'starting' ? 'another process' : `process ${holder.pid} on ${holder.host}`);

  const attempt = last + 1;
  const file = path.join(dir, nameOf(attempt));
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(JSON.stringify({ holder: ownIdentity() }));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw busy('another process');
    throw explainDiskError(error, file);
  }
  // Between our look and our file others may have come and gone, and removed the older files that we counted on.
  if ((await newest(dir)) !== attempt) {
    await rm(file, { force: true });
    throw busy('another process');
  }
  for (const name of await readdir(dir))
    if (attemptOf(name) > 0 && attemptOf(name) < attempt) await rm(path.join(dir, name), { force: true });
  return { attempt, release: () => writeFileAtomic(file, JSON.stringify({ holder: null })) };
}
