import { constants } from 'node:os';
import type { ProgressOptions } from '../checkpoint/read-ahead';
import { formatBytes } from '../protocol/format';
import type { InspectionProgress } from '../protocol/inspection';
import { color, fit } from './output';
import { overwriteLine, widthOf, write } from './terminal';

/** Ctrl-C, `kill` by a scheduler, a closed terminal. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Time between two updates, in milliseconds. */
const INTERVAL = 100;

/**
 * Runs work that reads a lot of data: shows its progress on one line of the terminal, and cancels it on Ctrl-C, so that
 * half-written files are cleaned up.
 *
 * @returns undefined if it was canceled; the exit code is set then
 */
export async function interruptible<T>(work: (options: ProgressOptions) => Promise<T>): Promise<T | undefined> {
  const line = new ProgressLine(process.stderr);
  const interrupt = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    interrupt.abort(name);
  };
  for (const name of SIGNALS) process.once(name, onSignal);
  try {
    return await work({ signal: interrupt.signal, onProgress: line.show });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    process.exitCode = 128 + constants.signals[interrupt.signal.reason as NodeJS.Signals];
    return undefined;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    line.end();
  }
}

/** Progress on the last line of a terminal; nothing elsewhere. */
export class ProgressLine {
  #last = 0;
  #shown = false;

  constructor(readonly stream: NodeJS.WriteStream) {}

  readonly show = ({ done, total, label }: InspectionProgress): void => {
    const now = performance.now();
    if (!this.stream.isTTY || now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#shown = true;
    const share = total > 0 ? Math.floor((100 * done) / total) : 100;
    const text = fit(`${share}% of ${formatBytes(total)}  ${label ?? ''}`, widthOf(this.stream) - 1);
    overwriteLine(color('dim', text, this.stream), this.stream);
  };

  end(): void {
    if (!this.#shown) return;
    overwriteLine(' '.repeat(widthOf(this.stream) - 1), this.stream);
    overwriteLine('', this.stream);
  }
}

/** Progress for a program that reads this one's standard error: a line of JSON now and then, the last one too. */
export function jsonProgress(stream: NodeJS.WriteStream = process.stderr): (progress: InspectionProgress) => void {
  let last = 0;
  return (progress) => {
    const now = performance.now();
    if (now - last < INTERVAL && progress.done < progress.total) return;
    last = now;
    write(`${JSON.stringify(progress)}\n`, stream);
  };
}
