import type { CompareColumn, ComparedRun } from './compare';

/** Runs that differ in nothing but their seed. */
export const SAME_BUT_SEED = 'same-but-seed';

/** Mean and sample standard deviation (n − 1) of the runs that have a number; the deviation of one is none. */
export interface Spread {
  readonly count: number;
  readonly mean: number;
  readonly deviation: number | undefined;
}

/** Runs that have something in common. */
export interface RunGroup {
  readonly key: string;
  readonly label: string;
  readonly runs: readonly ComparedRun[];
}

/** Groups in the order of their first run. @param by key of a column, or SAME_BUT_SEED */
export function groupRuns(runs: readonly ComparedRun[], columns: readonly CompareColumn[], by: string): RunGroup[] {
  const column = columns.find(({ key }) => key === by);
  const settings = columns.filter(({ group }) => group === 'Settings');
  // What tells the groups apart is what a person wants to read of them.
  const telling = settings.filter((one) => new Set(runs.map((run) => one.show(run))).size > 1);
  const groups = new Map<string, RunGroup & { runs: ComparedRun[] }>();
  for (const run of runs) {
    const key =
      by === SAME_BUT_SEED
        ? JSON.stringify([run.method, ...settings.map((one) => one.value(run) ?? null)])
        : (column?.show(run) ?? '');
    const label =
      by === SAME_BUT_SEED
        ? telling.map((one) => `${one.name} ${one.show(run) || '–'}`).join(', ') || run.name
        : key || '–';
    const group = groups.get(key);
    if (group) group.runs.push(run);
    else groups.set(key, { key, label, runs: [run] });
  }
  return [...groups.values()];
}

/** Undefined where no run has a finite number. */
export function spreadOf(runs: readonly ComparedRun[], column: CompareColumn): Spread | undefined {
  const values = runs
    .map((run) => column.value(run))
    .filter((value) => typeof value === 'number' && Number.isFinite(value)) as number[];
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : undefined };
}
