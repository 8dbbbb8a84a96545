import { spawn } from 'node:child_process';
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

/** Runs a program to its end. @throws the signal's reason if it is aborted; then the program is ended */
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
      ...(signal && { signal }),
      // npm is a script on Windows, which only a shell starts. No argument here comes from outside.
      shell: process.platform === 'win32' && command === 'npm',
    });
    let [stdout, output] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', (error) => {
      // A program that was aborted has not ended yet: `close` tells.
      if (signal?.aborted) return;
      if (systemCode(error) === 'ENOENT') resolve({ code: null, killed: null, stdout, output, missing: true });
      else reject(error);
    });
    child.once('close', (code, killed) => {
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
