import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Remote } from '../remotes';
import { cacheFolder } from '../../user-folders';
import { explainSsh, noSsh, silent } from './explain';
import { sshOptions } from './options';

/** A socket's path may have 104 bytes on macOS and 108 on Linux, and ssh adds 17 while it makes one. */
const LONGEST_SOCKET = 104 - 17 - 1;
/** How long a shared connection stays open without use. */
const PERSIST = '10m';
/** How long somebody may take to find a phone and confirm the login, seconds. */
const INTERACTIVE_SECONDS = 300;
/** A question to the process that holds a shared connection; it has no limit of its own, milliseconds. */
const ASK_MS = 5_000;

/**
 * The socket of a connection to a remote that all commands and windows of this user share, so that a second factor is asked for
 * once. Undefined where that is impossible: on Windows, whose OpenSSH cannot share, or without a folder that is short and private enough.
 */
export function sharedSocket({ host, configFile }: Remote): string | undefined {
  if (process.platform === 'win32') return undefined;
  const name = createHash('sha256')
    .update(JSON.stringify([host, configFile ?? '', os.userInfo().uid]))
    .digest('hex')
    .slice(0, 16);
  const folders = [
    path.join(cacheFolder(), 'ssh'),
    path.join(os.tmpdir(), `winnow-${os.userInfo().uid}`),
    `/tmp/winnow-${os.userInfo().uid}`,
  ];
  return folders
    .map((folder) => path.join(folder, name))
    .find((socket) => Buffer.byteLength(socket) <= LONGEST_SOCKET && isPrivate(path.dirname(socket)));
}

/** Whoever can reach the socket can use the connection. */
function isPrivate(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { mode, uid } = lstatSync(folder);
    return (mode & 0o077) === 0 && (mode & 0o170000) === 0o040000 && uid === os.userInfo().uid;
  } catch {
    return false;
  }
}

/** Runs ssh to its end, with a limit. */
async function ended(
  ssh: string,
  args: readonly string[],
  limit: number,
  stdin: 'ignore' | 'inherit',
): Promise<{ code: number | null; stderr: string; late: boolean }> {
  // The process that stays in the background keeps what it was given open: a pipe would never end.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-ssh-'));
  const log = path.join(folder, 'log');
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(ssh, ['-E', log, ...args], { stdio: [stdin, 'ignore', 'ignore'], windowsHide: true });
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        child.kill('SIGKILL');
      }, limit);
      child.once('error', (error) => {
        clearTimeout(timer);
        reject(noSsh(ssh, error));
      });
      child.once('exit', (code) => {
        clearTimeout(timer);
        resolve({ code, stderr: textOf(log), late });
      });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Makes sure that there is a shared connection. `ssh -O check` does not prove that one works: whoever uses it needs a limit, and calls `drop`
 * if nothing comes.
 * @param interactive ssh may ask for a password or a second factor
 * @throws UserError `target.*`
 */
export async function share(ssh: string, remote: Remote, socket: string, interactive: boolean): Promise<void> {
  const { host } = remote;
  const options = sshOptions(remote, { interactive, sharing: socket });
  const check = await ended(ssh, [...options, '-O', 'check', '--', host], ASK_MS, 'ignore');
  if (check.code === 0) return;
  if (check.late) await drop(ssh, remote, socket);
  // The first value of an option counts, so this comes before the usual "ControlMaster=no".
  const master = ['-o', 'ControlMaster=yes', '-o', `ControlPersist=${PERSIST}`, ...options, '-N', '-f', '--', host];
  const limit = interactive ? INTERACTIVE_SECONDS : remote.patience;
  const { code, stderr, late } = await ended(ssh, master, limit * 1000, interactive ? 'inherit' : 'ignore');
  if (late) throw silent(remote, limit, stderr.trim().split('\n').at(-1) ?? '');
  if (code !== 0 && !stderr.includes('already exists')) throw explainSsh(remote, { code, stderr });
}

/** Whether the user's own configuration shares a connection, and there is one now: no other login is needed then. */
export async function sharesAlready(ssh: string, remote: Remote): Promise<boolean> {
  if (process.platform === 'win32') return false;
  const options = sshOptions(remote, { sharing: undefined });
  return (await ended(ssh, [...options, '-O', 'check', '--', remote.host], ASK_MS, 'ignore')).code === 0;
}

/** Ends a shared connection that does not answer any more, so that the next call makes a new one. */
export async function drop(ssh: string, remote: Remote, socket: string): Promise<void> {
  const options = sshOptions(remote, { sharing: socket });
  const asked = await ended(ssh, [...options, '-O', 'exit', '--', remote.host], ASK_MS, 'ignore').catch(
    () => undefined,
  );
  // A process that is stopped does not even take this message. Its socket is ours alone: without it, nobody finds the process.
  if (asked?.code !== 0) await rm(socket, { force: true });
}
