import * as l10n from '@vscode/l10n';
import { betterOf, headline, isUnderway, runStateName, type RunRow, type RunStateName } from '../../core/protocol/runs';

/** Which runs a list shows. Empty parts let everything through; a run must pass all parts that are not. */
export interface RunFilter {
  /** Words that all must be in the name, note, id, tags, method or spec, in any case. */
  readonly text: string;
  readonly states: readonly RunStateName[];
  readonly methods: readonly string[];
  /** One of them must be there. */
  readonly tags: readonly string[];
  readonly starred: boolean;
}

export const NO_FILTER: RunFilter = { text: '', states: [], methods: [], tags: [], starred: false };

export const isFiltering = ({ text, states, methods, tags, starred }: RunFilter): boolean =>
  text.trim() !== '' || starred || states.length + methods.length + tags.length > 0;

/** The filter in a few words, for the description of a view. */
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

export function passes(filter: RunFilter, row: RunRow): boolean {
  const { text, states, methods, tags, starred } = filter;
  if (starred && !row.starred) return false;
  if (states.length > 0 && !states.includes(row.state)) return false;
  if (methods.length > 0 && !methods.includes(row.method)) return false;
  if (tags.length > 0 && !tags.some((tag) => row.tags.includes(tag))) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const all = [row.name, row.notes, row.id, row.method, row.specFile, ...row.tags].join('\n').toLowerCase();
  return words.every((word) => all.includes(word));
}

export const sortOrders = ['newest', 'oldest', 'name', 'best'] as const;
export type SortOrder = (typeof sortOrders)[number];

/** What runs first is being worked on, whatever the order: that is what one looks for. */
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

/** Smaller is better; runs without a number stand last. */
function rank({ metrics }: RunRow): number {
  const best = metrics && headline(metrics.values);
  if (!best || Number.isNaN(best.value)) return Number.MAX_VALUE;
  return betterOf(best.name) === 'higher' ? -best.value : best.value;
}

export const groupings = ['spec', 'method', 'lineage', 'none'] as const;
export type Grouping = (typeof groupings)[number];

/** The runs that start from a checkpoint of another run that is there, by that run's id. */
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

/** Rows by a key, groups in the order of their first row. */
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
