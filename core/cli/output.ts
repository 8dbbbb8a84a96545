import { formatDuration as duration, formatNumber as number } from '../protocol/format';
import type { RunState } from '../experiments/state';
import type { ExitReason } from '../experiments/status';

export { duration, number };

export const print = (text: string) => process.stdout.write(`${text}\n`);

/** One JSON document on standard output; NaN and infinities are text, as in `events.jsonl`. */
export function printJson(value: unknown): void {
  print(toJson(value, 2));
}

export const toJson = (value: unknown, indent?: number) =>
  JSON.stringify(
    value,
    (_key, inner: unknown) => (typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner),
    indent,
  );

export function printError(error: ExitReason, json: boolean): void {
  if (json) printJson({ error });
  else
    process.stderr.write(
      `${colour('red', 'Error', process.stderr)}: ${error.message}\n${error.hint && `  ${error.hint}\n`}`,
    );
}

/** Columns of the terminal, 80 where there is none. */
export const columns = () => (process.stdout.isTTY ? process.stdout.columns : 80);

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof CODES;

/** Coloured text, plain where the stream is no terminal with colours (`hasColors` knows NO_COLOR and FORCE_COLOR). */
export function colour(name: Colour, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return stream.isTTY && stream.hasColors() ? `\u001b[${CODES[name]}m${text}\u001b[0m` : text;
}

const STATE_COLOURS: Record<RunState, Colour> = {
  queued: 'dim',
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

/** `text` in exactly `width` columns, an ellipsis where it is cut. */
export const fit = (text: string, width: number) =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text.padEnd(width);

/** `label    value` lines, the values aligned. */
export function fields(rows: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return rows.map(([label, value]) => label.padEnd(width) + value).join('\n');
}

export const metrics = (values: Readonly<Record<string, number>>) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join('  ');
