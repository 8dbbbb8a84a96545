import path from 'node:path';
import { formatDuration as duration, formatNumber as number } from '../protocol/format';
import type { LastValue } from '../experiments/run/last-values';
import type { RunState } from '../experiments/run/state';
import type { ExitReason } from '../experiments/run/status';
import { widest } from '../table';
import { cut, oneLine, padEnd, printable, printableJson, style, textWidth } from '../terminal-text';
import { widthOf, write } from './terminal';

/** The name of a run on the command line: its ID, unless its folder was renamed or copied. */
export const nameOfFolder = ({ dir }: { readonly dir: string }): string => oneLine(path.basename(dir));

export { cut, fit } from '../terminal-text';
export { duration, number };

export const print = (text: string) => {
  write(`${text}\n`);
};

/** Prints one JSON document to stdout; NaN and infinities are strings, as in `events.jsonl`. */
export function printJson(value: unknown): void {
  print(toJson(value, 2));
}

export const toJson = (value: unknown, indent?: number) =>
  printableJson(
    JSON.stringify(
      value,
      (_key, inner: unknown) => (typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner),
      indent,
    ),
  );

export function printError(error: ExitReason, json: boolean): void {
  if (json) printJson({ error });
  else
    write(
      wrapped(
        `${color('red', 'Error', process.stderr)}: ${error.message}\n${error.hint && `  ${error.hint}\n`}`,
        process.stderr.isTTY ? widthOf(process.stderr) : Infinity,
      ),
      process.stderr,
    );
}

/** Width of the terminal; 80 if there is none. */
export const columns = () => widthOf(process.stdout);

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
export type Color = keyof typeof CODES;

/** Colors text if the stream supports it. */
export const color = (name: Color, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  hasColors(stream) ? style(String(CODES[name])) + text + style('0') : text;

/**
 * Whether a stream shows colors: a terminal that supports them (Node handles NO_COLOR), or anything if FORCE_COLOR is set.
 */
export function hasColors(stream: NodeJS.WriteStream): boolean {
  const { FORCE_COLOR: forced } = process.env;
  if (forced !== undefined) return ['', '1', '2', '3', 'true'].includes(forced);
  return stream.isTTY && stream.hasColors();
}

const STATE_COLORS: Record<RunState, Color> = {
  queued: 'dim',
  submitted: 'dim',
  pending: 'dim',
  running: 'cyan',
  stopping: 'yellow',
  stopped: 'yellow',
  done: 'green',
  failed: 'red',
  lost: 'red',
  damaged: 'red',
  unreadable: 'red',
};

export const coloredState = (state: RunState, width = 0) => color(STATE_COLORS[state], state.padEnd(width));

/** `label    value` lines; values are aligned, including their continuation lines. */
export function fields(rows: readonly (readonly [label: string, value: string])[]): string {
  const labels = rows.map(([label]) => oneLine(label));
  const width = widest(labels) + 2;
  return rows
    .map(([, value], i) => padEnd(labels[i]!, width) + printable(value).replaceAll('\n', `\n${' '.repeat(width)}`))
    .join('\n');
}

export const metrics = (values: Readonly<Record<string, number>>) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join('  ');

/** `step 9  loss 0.1  eval_loss 0.2 (step 5)`: the last values, with the step of older ones. */
export function lastMetrics(last: readonly LastValue[]): string {
  const step = Math.max(...last.map((one) => one.step));
  const values = last.map(
    (one) => `${one.name} ${number(one.value)}${one.step < step ? ` (step ${number(one.step)})` : ''}`,
  );
  return [`step ${number(step)}`, ...values].join('  ');
}

/** As many whole values as fit; the first is truncated if even that does not fit. */
export function metricsWithin(values: Readonly<Record<string, number>>, width: number): string {
  const shown: string[] = [];
  let room = width;
  for (const [name, value] of Object.entries(values)) {
    const text = oneLine(`${name} ${number(value)}`);
    const needed = textWidth(text) + (shown.length > 0 ? 2 : 0);
    if (needed > room) break;
    shown.push(text);
    room -= needed;
  }
  return shown.length > 0 ? shown.join('  ') : cut(metrics(values), width);
}

/** Wraps lines to the width of a terminal, between words; continuation lines are indented. */
export function wrapped(text: string, width: number): string {
  const fold = (line: string): string => {
    if (textWidth(line) <= width) return line;
    const indent = `${/^ */.exec(line)?.[0] ?? ''}  `;
    const lines: string[] = [];
    let current = '';
    for (const word of line.split(/(?<=\S) +/)) {
      const longer = current === '' ? word : `${current} ${word}`;
      if (current !== '' && textWidth(longer) > width) {
        lines.push(current);
        current = indent + word;
      } else current = longer;
    }
    return [...lines, current].join('\n');
  };
  return text.split('\n').map(fold).join('\n');
}
