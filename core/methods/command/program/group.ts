import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { systemCode } from '../../../errors';

/** Between the request and the end by force of a program whose worker is gone, milliseconds. */
const ORPHAN_GRACE = 5_000;

/** Sends a signal to a program and to all that it started. @returns whether there was anything to send it to */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  if (process.platform === 'win32')
    // There are no signals and no groups; the tree below a process is the nearest.
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
 * The watching process: its input ends when the worker does, however that died. Plain JavaScript, as it is started
 * from its text.
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
 * Sees to it that a program ends with the worker: also when that is killed, runs out of memory or crashes, and nobody
 * is left to stop the program.
 * @param pid leader of the program's process group
 * @returns ends the watch
 */
export function watchOver(pid: number): () => void {
  const watcher: ChildProcess = spawn(process.execPath, ['-e', WATCH, String(pid), String(ORPHAN_GRACE)], {
    // A session of its own: what kills the worker's group must leave it.
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
