import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../errors';
import { explainDiskError, remove } from '../files';
import { readText } from '../read-text';
import { isAlive, ownIdentity, processIdentity } from '../workers/process';

const RETRY = 20;
/** An empty lock file is about to be written by its creator, unless it is older than this, milliseconds. */
const HALF_MADE = 5_000;

/**
 * Runs a function on a mirror while no other process of this machine does. A lock left by a dead process is taken over. If
 * two processes do so at the same moment, both may continue; one of them can then fail, and pulls again.
 * @throws UserError `disk.*`
 */
export async function locked<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(dir, '.mirror.lock');
  while (!(await make(file)))
    if (await isHeld(file)) await sleep(RETRY);
    else await remove(file);
  try {
    return await work();
  } finally {
    await remove(file);
  }
}

async function make(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(JSON.stringify(ownIdentity()));
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw explainDiskError(error, file);
  }
}

async function isHeld(file: string): Promise<boolean> {
  const made = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  // It was released meanwhile.
  if (made === undefined) return true;
  const text = await readText(file).catch(() => '');
  if (text === '') return Date.now() - made < HALF_MADE;
  try {
    return isAlive(processIdentity.parse(JSON.parse(text)), made);
  } catch {
    return false;
  }
}
