import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { systemCode, type UserError } from '../errors';

export interface Executed {
  readonly code: number | null;
  /** The signal that ended it, if one did. */
  readonly killed: NodeJS.Signals | null;
  /** Standard output. */
  readonly stdout: string;
  /** Standard output and standard error, in the order in which they came. */
  readonly output: string;
  /** There is no such program. */
  readonly missing?: true;
}

const WINDOWS = process.platform === 'win32';

/** Programs that are running: they end with this process, and with them what they have started. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) end(child);
});

/** Ends a program and everything it has started: the compiler behind g++, say. */
function end({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  if (WINDOWS) {
    spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { windowsHide: true });
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

/** Runs a program to its end. @throws the signal's reason if it is aborted; then the program, and what it has started, is ended */
export async function execute(
  command: string,
  args: readonly string[],
  { cwd, env, signal }: { cwd?: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined } = {},
): Promise<Executed> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      // A process group of its own, which can be ended as a whole.
      detached: !WINDOWS,
    });
    running.add(child);
    const onAbort = () => {
      end(child);
    };
    signal?.addEventListener('abort', onAbort);
    const over = () => {
      running.delete(child);
      signal?.removeEventListener('abort', onAbort);
    };
    let [stdout, output] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', (error) => {
      over();
      if (systemCode(error) === 'ENOENT') resolve({ code: null, killed: null, stdout, output, missing: true });
      else reject(error);
    });
    child.once('close', (code, killed) => {
      over();
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve({ code, killed, stdout, output });
    });
  });
}

/** Checks that a program can be run. @throws UserError the one that is given, otherwise */
export async function requireProgram(command: string, missing: () => UserError, signal?: AbortSignal): Promise<void> {
  const { code } = await execute(command, ['--version'], { signal });
  if (code !== 0) throw missing();
}
