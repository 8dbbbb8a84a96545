import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import * as l10n from '@vscode/l10n';
import type { UserError } from '../../errors';
import type { Remote } from '../remotes';
import { explainSsh, noSsh, silent, stuckShell } from './explain';
import { answerMark, asOneLine, launcher } from './shell';

/** A start-up file that waits for a line gets an empty one after this long, milliseconds. */
const NUDGE = 3_000;
/** What is kept of what ssh and the shell's start-up files print, bytes. */
const KEPT = 8_000;

/** How to have a shell on the remote execute a command. */
export interface ShellCommand {
  readonly program: string;
  /** The program's arguments, given the command. */
  readonly args: (command: string) => readonly string[];
}

/**
 * One process, of ssh or of a shell on this machine, whose remote side executes a script that takes from the pipe and answers to it. Whatever start-up files and banners print
 * before is skipped.
 */
export class SshSession {
  readonly token = randomBytes(12).toString('hex');
  readonly child: ChildProcessWithoutNullStreams;
  #stderr = '';
  /** What came on stdout before the first answer, or between answers. */
  #noise = '';
  #failure: UserError | undefined;
  readonly #ended: Promise<void>;

  constructor(
    readonly remote: Remote,
    { program, args }: ShellCommand,
  ) {
    this.child = spawn(program, args(launcher(this.token)), {
      stdio: 'pipe',
      windowsHide: true,
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT);
    });
    // Writing to a session that has ended is reported by its end.
    this.child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.#failure = noSsh(program, error);
        resolve();
      });
      // Not `close`: a shared connection in the background may hold the pipes for hours.
      this.child.once('exit', (code) => {
        // What ssh said last may still be in the pipe.
        setImmediate(() => {
          this.#failure ??= explainSsh(remote, { stderr: this.#stderr, code });
          resolve();
        });
      });
    });
  }

  get mark(): string {
    return answerMark(this.token);
  }

  /** What the remote side has printed to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when ssh has ended, with why. */
  async ended(): Promise<UserError> {
    await this.#ended;
    return this.#failure!;
  }

  /** Whether this process stays alive for the session. Otherwise it ends, and the session with it, when there is nothing else to do. */
  hold(yes: boolean): void {
    const { stdin, stdout, stderr } = this.child;
    // Node's types do not say that the pipes of a process are sockets.
    const pipes = [stdin, stdout, stderr].filter((pipe): pipe is typeof pipe & Socket => pipe instanceof Socket);
    for (const one of [this.child, ...pipes])
      if (yes) one.ref();
      else one.unref();
  }

  /** Ends the session; what runs on the remote sees the end of its input. */
  end(): void {
    this.child.stdin.destroy();
    this.child.kill('SIGKILL');
  }

  /**
   * Executes a script once the remote side is ready.
   * @param script given the mark that its answers begin with
   * @returns its first answer, without the mark
   * @throws UserError `target.*`
   */
  async run(script: (mark: string) => string): Promise<string> {
    const nudge = setInterval(() => this.child.stdin.write('\n'), NUDGE);
    try {
      // Connecting, and start-up files.
      const ready = await this.answer(this.remote.patience, stuckShell(this.remote));
      if (ready !== 'ready') throw new Error(`the launcher said ${ready}`);
    } finally {
      clearInterval(nudge);
    }
    this.child.stdin.write(`${asOneLine(script(this.mark))}\n`);
    // Set-up lines: loading modules or an environment takes its time.
    return this.answer(4 * this.remote.patience);
  }

  /**
   * The next answer. What comes after it stays in the pipe.
   * @param seconds how long it may take
   * @param hint what to do if it takes longer, besides
   * @throws UserError `target.*`
   */
  async answer(seconds: number, hint?: string): Promise<string> {
    const { stdout } = this.child;
    let text = Buffer.alloc(0);
    let timer: NodeJS.Timeout | undefined;
    let onData: ((piece: Buffer) => void) | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        timer = setTimeout(() => {
          this.end();
          reject(silent(this.remote, seconds, this.#lastWords(), hint));
        }, seconds * 1000);
        onData = (piece: Buffer) => {
          text = Buffer.concat([text, piece]);
          for (;;) {
            const at = text.indexOf(0x0a);
            if (at < 0) break;
            const line = text.toString('utf8', 0, at).replace(/\r$/, '');
            text = text.subarray(at + 1);
            // A start-up file may print without a line feed just before.
            const mark = line.indexOf(this.mark);
            if (mark < 0) {
              this.#noise = `${this.#noise}${line}\n`.slice(-KEPT);
              continue;
            }
            stdout.pause();
            stdout.off('data', onData!);
            if (text.length > 0) stdout.unshift(text);
            resolve(line.slice(mark + this.mark.length));
            return;
          }
          // One endless line is noise, too.
          if (text.length > 1 << 20) text = text.subarray(-KEPT);
        };
        stdout.on('data', onData);
        stdout.resume();
        void this.ended().then(reject);
      });
    } finally {
      clearTimeout(timer);
      if (onData) stdout.off('data', onData);
    }
  }

  #lastWords(): string {
    const lines = `${this.#noise}\n${this.#stderr}`.split('\n').filter((line) => line.trim() !== '');
    return lines.length === 0
      ? l10n.t('it printed nothing')
      : l10n.t`it last printed: ${lines.at(-1)!.trim().slice(0, 200)}`;
  }
}
