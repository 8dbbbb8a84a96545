import {
  printedReadings,
  understandOutput,
  type LineReader,
  type Missed,
} from '../../../core/methods/command/metrics/output';
import type { Reading } from '../../../core/methods/command/metrics/readings';

/** What is recorded of lines that a program prints; a line that ends in `\r` is written over by the next. */
export function readingsOf(
  lines: readonly string[],
  read: LineReader = understandOutput(),
  readings = printedReadings(),
): Reading[] {
  return lines.flatMap((line) => {
    const { row } = read(line.replace(/\r$/, ''), !line.endsWith('\r'));
    const reading = row && readings.take(row);
    return reading ? [reading] : [];
  });
}

/** Why lines were left out, in their order. */
export function missedOf(lines: readonly string[], read: LineReader = understandOutput()): Missed[] {
  return lines.flatMap((line) => read(line, true).missed ?? []);
}

/** Of each reading its step and its values, but for the epoch. */
export const recorded = (lines: readonly string[]): [number, Record<string, number>][] =>
  readingsOf(lines).map(({ step, values }) => [
    step,
    Object.fromEntries(Object.entries(values).filter(([name]) => name !== 'epoch')),
  ]);
