import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { systemCode } from '../../../errors';

/** Time between SIGTERM and SIGKILL for a program whose worker is gone, in milliseconds. */
const ORPHAN_GRACE = 5_000;

/** Sends a signal to a program and everything it started. @returns whether there was a process to send it to */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  if (process.platform === 'win32')
    // Windows has neither signals nor process groups; killing the process tree comes closest.
    return spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { windowsHide: true }).status === 0;
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/**
 * The watchdog process: its stdin closes when the worker exits for any reason. Plain JavaScript, because it is started
 * from source text.
 */
const WATCH = `
const pid = Number(process.argv[1]);
const send = (signal) => {
  try {
    if (process.platform === 'win32')
      require('node:child_process').spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { windowsHide: true });
    else process.kill(-pid, signal);
  } catch {
    process.exit();
  }
};
process.stdin.on('data', () => process.exit()).on('end', () => {
  send('SIGTERM');
  setTimeout(() => { send('SIGKILL'); process.exit(); }, Number(process.argv[2]));
});
`;

/**
 * Makes sure that a program ends with its worker, even if the worker is killed, crashes or runs out of memory.
 * @param pid leader of the program's process group
 * @returns a function that ends the watchdog
 */
export function watchOver(pid: number): () => void {
  const watcher: ChildProcess = spawn(process.execPath, ['-e', WATCH, String(pid), String(ORPHAN_GRACE)], {
    // In its own session, so that killing the worker's process group does not kill it too.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    windowsHide: true,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  watcher.on('error', () => undefined);
  watcher.stdin?.on('error', () => undefined);
  watcher.unref();
  return () => {
    watcher.stdin?.end('done');
  };
}
