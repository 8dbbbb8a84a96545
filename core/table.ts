import { oneLine, padEnd, padStart, textWidth } from './terminal-text';

/** A column of a table: its heading and alignment. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Spaces between two columns. */
export const GAP = 2;

/**
 * Formats rows in aligned columns, two spaces apart, below a heading. Each cell is one line.
 * @param wrapHeadings wrap headings that are wider than their column's cells
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { wrapHeadings = false }: { readonly wrapHeadings?: boolean } = {},
): string {
  const cells = rows.map((row) => row.map(oneLine));
  const titles = columns.map(({ title }) => oneLine(title));
  const headings = wrapHeadings
    ? titles.map((title, i) => wrapped(title, widest(cells.map((row) => row[i] ?? ''))))
    : titles.map((title) => [title]);
  const height = Math.max(...headings.map((heading) => heading.length));
  // Headings are aligned at the bottom, directly above the cells.
  const heads = Array.from({ length: height }, (_, line) =>
    headings.map((heading) => heading[line - height + heading.length] ?? ''),
  );
  const lines = [...heads, ...cells];
  const widths = columns.map((_, i) => widest(lines.map((row) => row[i] ?? '')));
  const line = (row: readonly string[]) =>
    columns
      .map(({ align = 'right' }, i) => (align === 'left' ? padEnd : padStart)(row[i] ?? '', widths[i]!))
      .join(' '.repeat(GAP))
      .trimEnd();
  return lines.map(line).join('\n');
}

/** Wraps a heading at spaces and hyphens to a given width. */
function wrapped(title: string, width: number): string[] {
  const lines = [''];
  for (const word of title.split(/(?<=[ -])/)) {
    const longer = lines.at(-1)! + word;
    if (lines.at(-1) === '' || textWidth(longer.trimEnd()) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => line.trimEnd());
}

/** Width of the widest line, in terminal columns. */
export const widest = (lines: readonly string[]): number =>
  lines.reduce((most, line) => Math.max(most, textWidth(line)), 0);
