import { spawn } from 'node:child_process';
import * as l10n from '@vscode/l10n';
import { messageOf, systemCode } from '../../errors';
import { sentence } from '../runtime/ort-message';

/** Long enough for a GPU that has to wake up. */
export const PROBE_TIMEOUT_MS = 20_000;

// Probes are separate programs, started with `node -e`: a bad driver can crash its process, and they must not depend on how
// Winnow is bundled.

/** What every probe begins with. The last line that it prints is its report: libraries may print other lines before it. */
const PREAMBLE = `
const report = (findings) => process.stdout.write('\\n' + JSON.stringify(findings) + '\\n');
const preload = (libraries) => {
  const { RTLD_NOW } = require('node:os').constants.dlopen;
  for (const file of libraries)
    try {
      process.dlopen({ exports: {} }, file, RTLD_NOW | 0x1000);
    } catch (error) {
      // Node complains of every library that is no add-on of Node; of one that does not load, the system says why.
      if (/cannot open shared object|undefined symbol|not found/.test(error.message)) return error.message.split('\\n')[0];
    }
};
`;

export interface Findings {
  readonly problem?: string;
  readonly detail?: string;
  /** There is no such provider on this platform. */
  readonly unknown?: true;
  /** The library of the provider is not part of the package. */
  readonly unbundled?: true;
}

/** Runs a probe in a separate process. If it hangs or crashes, that is a finding, too. */
export async function runProbe(
  program: string,
  args: readonly string[],
  timeoutMs = PROBE_TIMEOUT_MS,
): Promise<Findings> {
  const ended = await runToEnd(process.execPath, ['-e', PREAMBLE + program, ...args], timeoutMs);
  const line = ended.stdout.trimEnd().split('\n').at(-1) ?? '';
  const { problem, ...findings } = findingsIn(line) ?? { problem: ended.how };
  return problem === undefined ? findings : { ...findings, problem: sentence(problem) };
}

function findingsIn(line: string): Findings | undefined {
  try {
    const findings: unknown = JSON.parse(line);
    return typeof findings === 'object' && findings !== null ? findings : undefined;
  } catch {
    return undefined;
  }
}

export interface Ended {
  readonly stdout: string;
  /** The exit code; null if it did not end by itself, or could not be started. */
  readonly code: number | null;
  /** How the process ended, worded as the end of a sentence about a probe. */
  readonly how: string;
  /** There is no such program. */
  readonly absent?: true;
}

/**
 * Runs a program to its end, without its standard error. Never throws.
 * @param signal kills the program
 */
export function runToEnd(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Ended> {
  return new Promise((resolve) => {
    // Inside VS Code, process.execPath is Electron, which runs as Node only with this variable.
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
    let stdout = '';
    let timedOut = false;
    const kill = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', kill);
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
    };
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.on('error', (error) => {
      settle();
      const absent = systemCode(error) === 'ENOENT';
      resolve({
        stdout: '',
        code: null,
        how: absent ? l10n.t`${command} was not found` : messageOf(error),
        ...(absent && { absent }),
      });
    });
    child.on('close', (code, by) => {
      settle();
      const died =
        by === null
          ? l10n.t`the test process ended with code ${code ?? 0}`
          : l10n.t`the test process crashed or was killed (${by})`;
      resolve({
        stdout,
        code,
        how: timedOut ? l10n.t`it did not respond within ${timeoutMs / 1000} seconds` : died,
      });
    });
  });
}
