import { oneLine, padEnd, padStart, textWidth } from './terminal-text';

/** A column of a table: its heading, and on which side its cells are aligned. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/**
 * Rows of text in aligned columns, two spaces apart, a heading above; a cell is one line, whatever is in it.
 * @param wrapHeadings headings that are wider than their column's cells take several lines
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
  // The last lines of all headings stand on one line, above the cells.
  const heads = Array.from({ length: height }, (_, line) =>
    headings.map((heading) => heading[line - height + heading.length] ?? ''),
  );
  const lines = [...heads, ...cells];
  const widths = columns.map((_, i) => widest(lines.map((row) => row[i] ?? '')));
  const line = (row: readonly string[]) =>
    columns
      .map(({ align = 'right' }, i) => (align === 'left' ? padEnd : padStart)(row[i] ?? '', widths[i]!))
      .join('  ')
      .trimEnd();
  return lines.map(line).join('\n');
}

/** The words of a heading (a hyphen ends one too) on as many lines as a width asks for. */
function wrapped(title: string, width: number): string[] {
  const lines = [''];
  for (const word of title.split(/(?<=[ -])/)) {
    const longer = lines.at(-1)! + word;
    if (lines.at(-1) === '' || textWidth(longer.trimEnd()) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => line.trimEnd());
}

/** Columns of the terminal that the widest of some lines takes. */
export const widest = (lines: readonly string[]): number =>
  lines.reduce((most, line) => Math.max(most, textWidth(line)), 0);
