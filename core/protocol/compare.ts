import * as l10n from '@vscode/l10n';
import { formatAgo, formatDuration, formatNumber } from './format';
import { betterOf, runStateName, type RunRow } from './runs';
import type { Cell } from './table-export';
import type { CommonRequests } from './targets';

/** A run with everything that it can be compared by. */
export interface ComparedRun extends RunRow {
  /** The settings that it ran with, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  /** By metric; absent where only the last values were read. */
  readonly ranges?: Readonly<Record<string, MetricRange>>;
}

/** A value as it was measured, and when. */
export interface MetricPoint {
  readonly step: number;
  readonly value: number;
}

/** What a metric went through in the phase that a run shows. NaN is never a minimum or maximum. */
export interface MetricRange {
  readonly last: MetricPoint;
  /** Null where every value was NaN. */
  readonly min: MetricPoint | null;
  readonly max: MetricPoint | null;
}

/** The wanted end of a range; undefined where the metric's name does not tell which that is. */
export function bestOf(metric: string, range: MetricRange | undefined): MetricPoint | null | undefined {
  const better = betterOf(metric);
  if (!range || better === undefined) return undefined;
  return better === 'lower' ? range.min : range.max;
}

/** A curve for a cell of a table: its values without their steps, finite ones only, thinned out to extremes. */
export interface Sparkline {
  readonly points: readonly number[];
  /** Points before thinning. */
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly min: { readonly value: number; readonly step: number };
  readonly max: { readonly value: number; readonly step: number };
}

export type CompareContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: readonly ComparedRun[] };
    /** Asks the person which runs to compare; undefined when it was called off. */
    chooseRuns: { readonly params: undefined; readonly result: readonly ComparedRun[] | undefined };
    /** The curves of a run's metrics, small. */
    sparklines: {
      readonly params: { readonly runDir: string };
      readonly result: Readonly<Record<string, Sparkline>>;
    };
  };
  readonly events: {
    /** The runs as they are now. */
    changed: readonly ComparedRun[];
  };
};

export type CellValue = string | number | boolean | null | undefined;

/** One quantity that runs are compared by. */
export interface CompareColumn {
  /** Unique: the group and the name in it. */
  readonly key: string;
  /** For people by `groupTitle`. */
  readonly group: 'Run' | 'Metrics' | 'Settings';
  /** Within its group, dotted where it is nested. */
  readonly name: string;
  /** The name for people: that of a setting or a metric is the same in every language. */
  readonly title: string;
  readonly better: 'lower' | 'higher' | undefined;
  readonly value: (run: ComparedRun) => CellValue;
  /** The value as people read it. */
  readonly show: (run: ComparedRun) => string;
}

/** Settings as flat keys: `{a: {b: 1}}` is `a.b`; lists are one value. */
export function flatten(value: unknown, prefix = ''): Record<string, CellValue> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return prefix === '' ? {} : { [prefix]: leaf(value) };
  const entries = Object.entries(value).map(([key, inner]) => flatten(inner, prefix === '' ? key : `${prefix}.${key}`));
  return Object.assign({}, ...entries) as Record<string, CellValue>;
}

const leaf = (value: unknown): CellValue =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null
    ? value
    : JSON.stringify(value);

/** All columns of some runs: what they are, what came out, and the settings, in the order of their first appearance. */
export function columnsOf(runs: readonly ComparedRun[]): CompareColumn[] {
  const flat = new Map(runs.map((run) => [run.dir, flatten(run.config)]));
  const keys = (of: (run: ComparedRun) => Iterable<string>) => [...new Set(runs.flatMap((run) => [...of(run)]))];
  return [
    ...aboutColumns(),
    ...keys((run) => Object.keys(run.metrics?.values ?? {})).flatMap((name) => [
      column('Metrics', name, (run) => run.metrics?.values[name], { better: betterOf(name) }),
      ...(runs.some(({ ranges }) => ranges?.[name]) ? rangeColumns(name) : []),
    ]),
    ...keys((run) => Object.keys(flat.get(run.dir) ?? {})).map((name) =>
      column('Settings', name, (run) => flat.get(run.dir)?.[name]),
    ),
  ];
}

/** What a group of columns is called. */
export function groupTitle(group: CompareColumn['group']): string {
  switch (group) {
    case 'Run':
      return l10n.t('Run');
    case 'Metrics':
      return l10n.t('Metrics');
    case 'Settings':
      return l10n.t('Settings');
  }
}

function column(
  group: CompareColumn['group'],
  name: string,
  value: CompareColumn['value'],
  {
    title = name,
    better,
    show = (run) => showValue(value(run)),
  }: Partial<Pick<CompareColumn, 'title' | 'better' | 'show'>> = {},
): CompareColumn {
  return { key: `${group}.${name}`, group, name, title, better, value, show };
}

/** The best value of a metric; the least and the largest where its name does not tell which is better. */
function rangeColumns(metric: string): CompareColumn[] {
  const better = betterOf(metric);
  const range = (run: ComparedRun) => run.ranges?.[metric];
  if (better !== undefined) {
    const title = l10n.t`${metric} (best)`;
    return [column('Metrics', `${metric} (best)`, (run) => bestOf(metric, range(run))?.value, { title, better })];
  }
  return [
    column('Metrics', `${metric} (min)`, (run) => range(run)?.min?.value, { title: l10n.t`${metric} (min)` }),
    column('Metrics', `${metric} (max)`, (run) => range(run)?.max?.value, { title: l10n.t`${metric} (max)` }),
  ];
}

const seconds = ({ ended, worked }: ComparedRun) => (ended === null ? undefined : worked / 1000);

const aboutColumns = (): CompareColumn[] => [
  column('Run', 'state', (run) => run.state, {
    title: l10n.t({ message: 'state', comment: 'Of a run' }),
    show: (run) => runStateName(run.state),
  }),
  column('Run', 'method', (run) => run.method, { title: l10n.t('method') }),
  column('Run', 'created', (run) => run.created, {
    title: l10n.t({ message: 'created', comment: 'When a run was created' }),
    show: (run) => formatAgo(run.created),
  }),
  column('Run', 'duration', seconds, {
    title: l10n.t('duration'),
    show: (run) => {
      const time = seconds(run);
      return time === undefined ? '' : formatDuration(time);
    },
  }),
  column('Run', 'seed', (run) => run.seed, { title: l10n.t('seed') }),
  column('Run', 'device', (run) => run.device, { title: l10n.t('device') }),
  column('Run', 'tags', (run) => run.tags.join(', '), { title: l10n.t('tags') }),
  column('Run', 'note', (run) => run.notes, { title: l10n.t('note') }),
];

export function showValue(value: CellValue): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'number' ? formatNumber(value) : String(value);
}

/** Whether the runs do not all have the same there; a run without the value differs from one that has it. */
export function differs(column: CompareColumn, runs: readonly ComparedRun[]): boolean {
  const [first, ...others] = runs.map((run) => column.value(run));
  return others.some((value) => !Object.is(value, first));
}

/** Sorted by a column: numbers by size, texts by letters; runs without a value last whatever the direction. */
export function sortRuns(
  runs: readonly ComparedRun[],
  column: CompareColumn,
  direction: 'up' | 'down',
): readonly ComparedRun[] {
  const sign = direction === 'up' ? 1 : -1;
  const missing = (value: CellValue) =>
    value === undefined || value === null || value === '' || Number.isNaN(value) ? 1 : 0;
  return [...runs].sort((a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    if (missing(x) || missing(y)) return missing(x) - missing(y);
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * String(x).localeCompare(String(y), 'en', { numeric: true });
  });
}

/** A value's difference to the baseline's, where both are numbers that differ: `+1.2`. */
export function differenceTo(column: CompareColumn, run: ComparedRun, baseline: ComparedRun | undefined): string {
  if (!baseline || baseline.dir === run.dir) return '';
  const [value, base] = [column.value(run), column.value(baseline)];
  if (typeof value !== 'number' || typeof base !== 'number' || column.name === 'created') return '';
  const change = value - base;
  if (!(Math.abs(change) > 0)) return '';
  return `${change > 0 ? '+' : '−'}${formatNumber(Math.abs(change))}`;
}

/** The runs as a table for a file, one run per row: numbers and dates in full, the same in every language. */
export function tableOf(
  runs: readonly ComparedRun[],
  columns: readonly CompareColumn[],
): { readonly header: string[]; readonly rows: Cell[][] } {
  return {
    header: ['run', ...columns.map(({ name }) => name)],
    rows: runs.map((run) => [
      run.name,
      ...columns.map((column) => {
        if (column.key === 'Run.created') return new Date(run.created).toISOString();
        const value = column.value(run);
        return typeof value === 'number' ? value : showValue(value);
      }),
    ]),
  };
}
