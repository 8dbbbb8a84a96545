import { formatDuration as duration, formatNumber as number } from '../protocol/format';
import type { RunState } from '../experiments/run/state';
import type { ExitReason } from '../experiments/run/status';
import { widest } from '../table';
import { oneLine, padEnd, printable, printableJson, style } from '../terminal-text';
import { write } from './terminal';

export { cut, fit } from '../terminal-text';
export { duration, number };

export const print = (text: string) => {
  write(`${text}\n`);
};

/** One JSON document on standard output; NaN and infinities are text, as in `events.jsonl`. */
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
      `${colour('red', 'Error', process.stderr)}: ${error.message}\n${error.hint && `  ${error.hint}\n`}`,
      process.stderr,
    );
}

/** Columns of the terminal, 80 where there is none. */
export const columns = () => (process.stdout.isTTY ? process.stdout.columns : 80);

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof CODES;

/** Coloured text, plain where the stream has no colours. */
export const colour = (name: Colour, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  hasColours(stream) ? style(String(CODES[name])) + text + style('0') : text;

/** Whether a stream shows colours: a terminal that can (Node knows NO_COLOR), or anything where FORCE_COLOR is set. */
export function hasColours(stream: NodeJS.WriteStream): boolean {
  const { FORCE_COLOR: forced } = process.env;
  if (forced !== undefined) return ['', '1', '2', '3', 'true'].includes(forced);
  return stream.isTTY && stream.hasColors();
}

const STATE_COLOURS: Record<RunState, Colour> = {
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

export const colouredState = (state: RunState, width = 0) => colour(STATE_COLOURS[state], state.padEnd(width));

/** `label    value` lines, the values aligned, and so are their further lines. */
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
