import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import * as vscode from 'vscode';
import * as z from 'zod';
import { ASKED_VARIABLE } from '../core/asked';
import { UserError } from '../core/errors';
import { languageEnvironment } from './display-language';
import { setting } from './settings';

const fix = z.object({ title: z.string(), key: z.string(), value: z.unknown() });
const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string(), fixes: z.array(fix).optional() }),
});

export interface CliOptions {
  readonly cwd?: string;
  /** Text for the program's standard input. */
  readonly input?: string;
  /** Nobody has just asked for it: a remote that could not be reached is not tried again before its pause is over. */
  readonly background?: true;
  /** Kills the program when aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with the program's output as it arrives. */
  readonly onText?: (text: string) => void;
  /** Called with each line that the program writes to its standard error. */
  readonly onNote?: (line: string) => void;
}

/**
 * Winnow's command line as a child process. Everything that starts or plans runs, or computes with a native library, goes
 * through it. So it cannot crash the extension host, and commands do the same as in a terminal.
 */
export class Cli {
  constructor(readonly extensionPath: string) {}

  /** The path of a bundled program, for example `inspector.js`. */
  program(name: string): string {
    return path.join(this.extensionPath, 'dist', name);
  }

  /**
   * Runs a command with `--json` and parses its output.
   * @throws UserError the command's own error, or `cli.*` if it could not be run or its output was not understood
   */
  async json<Schema extends z.ZodType>(
    args: readonly string[],
    schema: Schema,
    options: CliOptions = {},
  ): Promise<z.output<Schema>> {
    const { code, stdout, stderr } = await this.#run([...args, '--json'], options);
    const value = parse(stdout);
    const failed = failure.safeParse(value);
    if (failed.success) {
      const { error } = failed.data;
      throw new UserError(error.code, error.message, error.hint, { fixes: error.fixes ?? [] });
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new UserError(
      'cli.failed',
      vscode.l10n.t('"winnow {0}" failed (exit code {1}).', args.join(' '), code ?? vscode.l10n.t('none')),
      stderr.trim().split('\n').slice(-3).join(' ') || vscode.l10n.t('It printed nothing; see the log.'),
      { cause: parsed.error },
    );
  }

  /** Runs a command and returns its text output. @throws UserError as `json` */
  async text(args: readonly string[], options: CliOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.#run(args, options);
    if (code === 0) return stdout;
    throw new UserError(
      'cli.failed',
      stderr.trim().replace(/^Error: /, '') || vscode.l10n.t('"winnow {0}" failed.', args.join(' ')),
    );
  }

  /** Starts a command that goes on, and passes each line that it prints. The caller ends it. */
  follow(args: readonly string[], onLine: (line: string) => void): ChildProcess {
    const child = spawn(nodePath(), [this.program('cli.js'), ...args], {
      env: environment(),
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    createInterface({ input: child.stdout }).on('line', onLine);
    return child;
  }

  /** A terminal with a command that may ask something. */
  terminal(name: string, args: readonly string[]): vscode.Terminal {
    const env = { ...languageEnvironment(), ELECTRON_RUN_AS_NODE: '1' };
    return vscode.window.createTerminal({
      name,
      shellPath: nodePath(),
      shellArgs: [this.program('cli.js'), ...args],
      env,
    });
  }

  #run(args: readonly string[], options: CliOptions): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const { cwd, input = '', background, signal, onText, onNote } = options;
    const node = nodePath();
    return new Promise((resolve, reject) => {
      const env = { ...environment(), ...(!background && { [ASKED_VARIABLE]: '1' }) };
      const child = spawn(node, [this.program('cli.js'), ...args], { cwd, env, signal, windowsHide: true });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        onText?.(text);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      if (onNote) createInterface({ input: child.stderr }).on('line', onNote);
      child.once('error', (error) => {
        if (error.name === 'AbortError') reject(error);
        else
          reject(
            new UserError(
              'cli.no-node',
              vscode.l10n.t('Could not start {0}: {1}.', node, error.message),
              vscode.l10n.t('Check winnow.nodePath.'),
              {
                cause: error,
              },
            ),
          );
      });
      child.once('close', (code) => {
        resolve({ code, stdout, stderr });
      });
      // The output of a program that exits before it has read all input still counts.
      child.stdin.on('error', () => undefined).end(input);
    });
  }
}

const nodePath = () => setting('nodePath') || process.execPath;

/** Inside VS Code, `process.execPath` is Electron, which behaves like Node.js with this variable; the worker inherits it. */
const environment = () => ({ ...process.env, ...languageEnvironment(), ELECTRON_RUN_AS_NODE: '1' });

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
