import * as l10n from '@vscode/l10n';
import type { RunFilter } from '../../core/protocol/run-filter';
import { betterOf, headline, isUnderway, runStateName, type RunRow } from '../../core/protocol/runs';

/** A short description of the filter, for the view's header. */
export function describeFilter({ text, states, methods, tags, starred }: RunFilter): string {
  const words = [
    ...(text.trim() === '' ? [] : [`“${text.trim()}”`]),
    ...(starred ? [l10n.t('starred')] : []),
    ...states.map(runStateName),
    ...methods,
    ...tags.map((tag) => `#${tag}`),
  ];
  return words.join(', ');
}

export const sortOrders = ['newest', 'oldest', 'name', 'best'] as const;
export type SortOrder = (typeof sortOrders)[number];

/** Active runs always come first. */
export function sorted(rows: readonly RunRow[], order: SortOrder): RunRow[] {
  return [...rows].sort(
    (a, b) =>
      Number(isUnderway(b.state)) - Number(isUnderway(a.state)) || compareBy[order](a, b) || b.created - a.created,
  );
}

const compareBy: Record<SortOrder, (a: RunRow, b: RunRow) => number> = {
  newest: (a, b) => b.created - a.created,
  oldest: (a, b) => a.created - b.created,
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  best: (a, b) => rank(a) - rank(b),
};

/** Smaller is better; runs without a number come last. */
function rank({ metrics }: RunRow): number {
  const best = metrics && headline(metrics.values);
  if (!best || Number.isNaN(best.value)) return Number.MAX_VALUE;
  return betterOf(best.name) === 'higher' ? -best.value : best.value;
}

export const groupings = ['spec', 'method', 'lineage', 'none'] as const;
export type Grouping = (typeof groupings)[number];

/** The runs that start from a checkpoint of another listed run, by that run's id. */
export function descendants(rows: readonly RunRow[]): ReadonlyMap<string, readonly RunRow[]> {
  const present = new Set(rows.map(({ id }) => id));
  const found = new Map<string, RunRow[]>();
  for (const row of rows) {
    const parent = row.parents.find(({ run }) => run !== undefined && run !== row.id && present.has(run))?.run;
    if (parent === undefined) continue;
    found.set(parent, [...(found.get(parent) ?? []), row]);
  }
  return found;
}

/** Groups rows by a key, in the order of each group's first row. */
export function groupBy(
  rows: readonly RunRow[],
  keyOf: (row: RunRow) => string,
): ReadonlyMap<string, readonly RunRow[]> {
  const groups = new Map<string, RunRow[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}
