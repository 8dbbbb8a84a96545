import { open, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../errors';
import { explainDiskError, remove } from '../files';
import { readText } from '../read-text';
import { isAlive, ownIdentity, processIdentity } from './process';

const RETRY = 20;
/** Milliseconds between two signs of life: well below the time after which a process on another host counts as dead. */
const BEAT = 10_000;
/** An empty lock file is about to be written by its creator, unless it is older than this, milliseconds. */
const HALF_MADE = 5_000;

/**
 * Runs a function while no other process of this machine does so under the same lock. A lock left by a dead process is taken
 * over. If two processes do so at the same moment, both may continue; one of them can then fail.
 * @param file is the lock; its folder is there
 * @param onHeld is called while another process has it; may throw, to give up instead of waiting
 * @throws UserError `disk.*`
 */
export async function locked<T>(file: string, work: () => Promise<T>, onHeld?: () => void): Promise<T> {
  while (!(await make(file)))
    if (await isHeld(file)) {
      onHeld?.();
      await sleep(RETRY);
    } else await remove(file);
  // Another host cannot see this process: it looks at the file's time.
  const beat = setInterval(() => {
    const now = new Date();
    void utimes(file, now, now).catch(() => undefined);
  }, BEAT);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    // It may have been taken over meanwhile, by a host that has heard nothing for too long.
    if ((await readText(file).catch(() => '')) === mark()) await remove(file);
  }
}

/** What a lock of this process says. */
const mark = () => JSON.stringify(ownIdentity());

async function make(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(mark());
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
