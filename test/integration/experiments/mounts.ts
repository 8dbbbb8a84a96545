import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import type { TestContext } from 'node:test';

/** Mounts something on a new folder for one test. @returns false, after the test was skipped, where that is not allowed */
async function mounted(t: TestContext, folder: string, args: readonly string[]): Promise<boolean> {
  await mkdir(folder, { recursive: true });
  if (process.platform === 'linux' && spawnSync('mount', [...args, folder]).status === 0) {
    t.after(() => spawnSync('umount', ['-l', folder]));
    return true;
  }
  t.skip('needs the right to mount a file system');
  return false;
}

/** A file system that is soon full. @param options as of tmpfs, for example `size=1m` */
export const smallDisk = (t: TestContext, folder: string, options: string) =>
  mounted(t, folder, ['-t', 'tmpfs', '-o', options, 'tmpfs']);

/** A folder as it is, under another name and read-only. */
export async function readOnly(t: TestContext, of: string, folder: string): Promise<boolean> {
  if (!(await mounted(t, folder, ['-o', 'bind', of]))) return false;
  if (spawnSync('mount', ['-o', 'remount,bind,ro', folder]).status === 0) return true;
  t.skip('needs the right to mount read-only');
  return false;
}
