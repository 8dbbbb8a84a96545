import type { CompareColumn, ComparedRun } from './compare';
import { spreadOf, type Spread } from './statistics';

/** Runs that differ in nothing but their seed. */
export const SAME_BUT_SEED = 'same-but-seed';

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
        ? telling.map((one) => `${one.title} ${one.show(run) || '–'}`).join(', ') || run.name
        : key || '–';
    const group = groups.get(key);
    if (group) group.runs.push(run);
    else groups.set(key, { key, label, runs: [run] });
  }
  return [...groups.values()];
}

/** Undefined where no run has a finite number. */
export function columnSpread(runs: readonly ComparedRun[], column: CompareColumn): Spread | undefined {
  return spreadOf(
    runs
      .map((run) => column.value(run))
      .filter((value): value is number => typeof value === 'number' && Number.isFinite(value)),
  );
}
