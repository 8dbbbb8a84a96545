import { table } from '../table';

/** Names are cut no shorter, whatever the width. */
const MIN_NAME_WIDTH = 16;

/**
 * A table within `width` columns whose first column is of names: what the others leave is theirs. Names that are longer
 * lose their beginning, since the end is what tells tensors apart.
 */
export function namedTable(titles: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const [what = '', ...others] = titles;
  const used = others.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i + 1]?.length ?? 0)) + 2);
  const room = Math.max(MIN_NAME_WIDTH, width - used.reduce((sum, one) => sum + one, 0));
  return table(
    [{ title: what, align: 'left' }, ...others.map((title) => ({ title }))],
    rows.map(([name = '', ...cells]) => [name.length > room ? `…${name.slice(1 - room)}` : name, ...cells]),
  );
}
