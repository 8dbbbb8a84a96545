import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../errors';
import { identityOf, isAlive, type ProcessIdentity } from '../workers/process';

/** A process, and the one that started it. */
type Link = readonly [pid: number, parent: number];

/** All processes of this host, by what they started from. */
function processes(): Link[] {
  // Without `ps`, which small containers lack.
  if (process.platform === 'linux')
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name): Link[] => {
        try {
          const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
          return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
        } catch {
          return [];
        }
      });
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line): Link[] => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    return pid !== undefined && parent !== undefined ? [[pid, parent]] : [];
  });
}

/** Everything that a process has started, and what that has started. */
export function descendantsOf(pid: number): ProcessIdentity[] {
  const all = processes();
  const found = [pid];
  // Grows while it is walked.
  for (const one of found) found.push(...all.filter(([, parent]) => parent === one).map(([child]) => child));
  return found.slice(1).map(identityOf);
}

/**
 * Ends a process at once, with all that it has started: a frozen worker cannot see to the end of its program, and the
 * program's own watcher takes its time.
 * @returns what was there to be ended
 * @throws UserError `run.denied` for a process of another user
 */
export function killTree(root: ProcessIdentity): ProcessIdentity[] {
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(root.pid), '/t', '/f'], { windowsHide: true });
    return [root];
  }
  const tree = [root, ...descendantsOf(root.pid)];
  for (const one of tree) if (isAlive(one, 0)) killGroup(one.pid);
  return tree;
}

/** What leads a group (a program does) takes with it what has left its parent behind. */
function killGroup(pid: number): void {
  for (const target of [-pid, pid])
    try {
      process.kill(target, 'SIGKILL');
    } catch (error) {
      if (systemCode(error) !== 'ESRCH') throw explainSignalError(error, pid);
    }
}

/** Turns the refusal of a signal into a sentence. */
export const explainSignalError = (error: unknown, pid: number): unknown =>
  systemCode(error) === 'EPERM'
    ? new UserError(
        'run.denied',
        l10n.t`Process ${pid} belongs to another user.`,
        l10n.t('Stop the run as that user.'),
        {
          cause: error,
        },
      )
    : error;
