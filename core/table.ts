import { oneLine, padEnd, padStart, textWidth } from './terminal-text';

/** A column of a table: its heading, and on which side its cells are aligned. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Rows of text in aligned columns, two spaces apart, a heading above; a cell is one line, whatever is in it. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ title }) => title), ...rows].map((cells) => cells.map(oneLine));
  const widths = columns.map((_, i) => widest(lines.map((cells) => cells[i] ?? '')));
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align = 'right' }, i) => (align === 'left' ? padEnd : padStart)(cells[i] ?? '', widths[i]!))
      .join('  ')
      .trimEnd();
  return lines.map(line).join('\n');
}

/** Columns of the terminal that the widest of some lines takes. */
export const widest = (lines: readonly string[]): number =>
  lines.reduce((most, line) => Math.max(most, textWidth(line)), 0);
