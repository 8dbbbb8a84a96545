import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { messageOf, systemCode, UserError } from '../../../errors';
import { signalGroup, watchOver } from './group';
import type { Launch } from './launch';
import { LineSplitter, type Printed } from './lines';

/** A program is over when it exits; what it left running may hold its output open for longer, milliseconds. */
const LAST_OUTPUT = 2_000;
/** Lines kept for the explanation of a failure. */
const KEPT = 20;

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running program, with all that it starts, as a process group of its own. */
export class Program {
  readonly #child: ChildProcess;
  readonly #last: string[] = [];
  readonly #release: () => void;
  /** Resolves when the program is over and all that it printed was handed on. */
  readonly ended: Promise<Ending>;

  private constructor(
    child: ChildProcess,
    readonly pid: number,
    onPrinted: (printed: Printed) => void,
  ) {
    this.#child = child;
    this.#release = watchOver(pid);
    const take = (printed: Printed) => {
      if (printed.final && printed.text.trim() !== '') this.#last.push(printed.text);
      if (this.#last.length > KEPT) this.#last.shift();
      onPrinted(printed);
    };
    for (const stream of [child.stdout, child.stderr]) {
      const lines = new LineSplitter(take);
      stream?.on('data', (bytes: Buffer) => {
        lines.push(bytes);
      });
      stream?.once('close', () => {
        lines.end();
      });
    }
    this.ended = this.#watch();
  }

  /** @throws UserError `command.not-found`, `command.too-long`, `command.not-started` */
  static async start(launch: Launch, onPrinted: (printed: Printed) => void): Promise<Program> {
    try {
      const child = spawn(launch.file, launch.args, {
        cwd: launch.cwd,
        env: launch.env,
        detached: process.platform !== 'win32',
        stdio: ['ignore', 'pipe', 'pipe'],
        windowsHide: true,
        windowsVerbatimArguments: launch.verbatim,
      });
      await once(child, 'spawn');
      return new Program(child, child.pid!, onPrinted);
    } catch (error) {
      throw explainStart(error, launch);
    }
  }

  /** The last lines that it printed. */
  get lastLines(): readonly string[] {
    return this.#last;
  }

  /** Asks it to stop, and ends it after a time. */
  async stop(signal: NodeJS.Signals, graceMilliseconds: number): Promise<void> {
    signalGroup(this.pid, signal);
    const patience = new AbortController();
    const late = await Promise.race([
      this.ended.then(() => false),
      sleep(graceMilliseconds, true, { signal: patience.signal }).catch(() => false),
    ]);
    patience.abort();
    if (late) signalGroup(this.pid, 'SIGKILL');
    await this.ended;
  }

  async #watch(): Promise<Ending> {
    const closed = once(this.#child, 'close');
    const [code, signal] = (await once(this.#child, 'exit')) as [number | null, NodeJS.Signals | null];
    await Promise.race([closed, sleep(LAST_OUTPUT / 4)]);
    // What it started and left behind would go on writing into a run that is over.
    if (process.platform !== 'win32') signalGroup(this.pid, 'SIGTERM');
    await Promise.race([closed, sleep(LAST_OUTPUT)]);
    if (process.platform !== 'win32') signalGroup(this.pid, 'SIGKILL');
    this.#release();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    return { code, signal };
  }
}

function explainStart(error: unknown, { file }: Launch): UserError {
  switch (systemCode(error)) {
    case 'ENOENT':
      return new UserError('command.not-found', l10n.t`There is no program "${file}".`, l10n.t('Correct "command".'), {
        cause: error,
      });
    case 'E2BIG':
    case 'ENAMETOOLONG':
      return new UserError(
        'command.too-long',
        l10n.t`The program "${file}" does not start: its arguments and environment are longer than the system allows.`,
        l10n.t('Set "pass": "file" to pass parameters only in the JSON file that WINNOW_PARAMETERS points to.'),
        { cause: error },
      );
    default:
      return new UserError(
        'command.not-started',
        l10n.t`The program "${file}" does not start: ${messageOf(error)}.`,
        l10n.t('Check that the file is executable.'),
        { cause: error },
      );
  }
}
