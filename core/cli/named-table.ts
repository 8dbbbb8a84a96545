import { table, widest } from '../table';
import { cut, oneLine } from '../terminal-text';

/** Names are never truncated below this width. */
const MIN_NAME_WIDTH = 16;

/**
 * A table within `width` columns whose first column holds names and gets the space that the others leave. Longer names
 * are truncated at the start, because their ends distinguish tensors.
 */
export function namedTable(titles: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const [what = '', ...others] = titles;
  const used = others.map((title, i) => widest([title, ...rows.map((row) => oneLine(row[i + 1] ?? ''))]) + 2);
  const room = Math.max(MIN_NAME_WIDTH, width - used.reduce((sum, one) => sum + one, 0));
  return table(
    [{ title: what, align: 'left' }, ...others.map((title) => ({ title }))],
    rows.map(([name = '', ...cells]) => [cut(name, room, 'start'), ...cells]),
  );
}
