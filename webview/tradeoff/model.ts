import { paretoFront } from '../../core/protocol/pareto';
import * as l10n from '@vscode/l10n';
import { formatShare } from '../../core/protocol/format';
import { costOf } from '../../core/protocol/nested';
import type { TradeoffAxis, TradeoffPoint, TradeoffRun } from '../../core/protocol/tradeoff';

/** A point with its run and its coordinates. */
export interface Shown {
  /** Unique over the shown runs. */
  readonly id: string;
  readonly run: TradeoffRun;
  readonly point: TradeoffPoint;
  readonly x: number;
  readonly y: number;
}

/** A line of the chart: the points of one series of one run. */
export interface Series {
  readonly label: string;
  readonly role: TradeoffPoint['role'];
  /** Sizes of nested models that were not trained: drawn hollow, and not joined. */
  readonly between: boolean;
  readonly runIndex: number;
  readonly points: readonly Shown[];
}

export interface Scene {
  readonly series: readonly Series[];
  readonly points: readonly Shown[];
  /** Ids of the points on the Pareto front. */
  readonly front: ReadonlySet<string>;
}

/** The axes of all runs that have values, without duplicates, in order. */
export function axesOf(runs: readonly TradeoffRun[]): TradeoffAxis[] {
  const byKey = new Map(runs.flatMap(({ axes }) => axes).map((axis) => [axis.key, axis]));
  const measured = new Set(runs.flatMap(({ points }) => points.flatMap(({ values }) => Object.keys(values))));
  return [...byKey.values()].filter(({ key }) => measured.has(key));
}

/** The wanted axis if it exists, else the first with the role. */
export function chooseAxis(
  axes: readonly TradeoffAxis[],
  wanted: string,
  role: TradeoffAxis['role'],
): TradeoffAxis | undefined {
  return axes.find(({ key }) => key === wanted) ?? axes.find((axis) => axis.role === role) ?? axes[0];
}

/** What the chart shows for two axes; points that lack one of the values are left out. */
export function sceneOf(runs: readonly TradeoffRun[], x: TradeoffAxis, y: TradeoffAxis): Scene {
  const series = new Map<string, Series & { points: Shown[] }>();
  const points: Shown[] = [];
  for (const [runIndex, run] of runs.entries())
    for (const point of run.points) {
      const [atX, atY] = [point.values[x.key], point.values[y.key]];
      if (atX === undefined || atY === undefined) continue;
      const shown: Shown = { id: `${run.runDir}\n${point.name}`, run, point, x: atX, y: atY };
      points.push(shown);
      const key = `${runIndex}\n${point.series}`;
      const label = runs.length > 1 ? `${run.name}: ${point.series}` : point.series;
      const one = series.get(key) ?? { label, role: point.role, between: point.between ?? false, runIndex, points: [] };
      one.points.push(shown);
      series.set(key, one);
    }
  const front = paretoFront(points, x.better, y.better);
  return {
    // Members first: the panel is about them, and they get the first color. What the user adds changes no color.
    series: [...series.values()].sort((a, b) => +a.between - +b.between || ORDER[a.role] - ORDER[b.role]),
    points,
    front: new Set(front.map((index) => points[index]?.id ?? '')),
  };
}

const ORDER: Record<TradeoffPoint['role'], number> = { member: 0, control: 1, baseline: 2 };

/** The runs with a point for each size of a nested model that was evaluated. */
export function withEvaluated(runs: readonly TradeoffRun[]): TradeoffRun[] {
  return runs.map((run) => {
    const added = (run.evaluated ?? []).flatMap(({ checkpoint, ranks, values }): TradeoffPoint[] => {
      const nested = run.points.find((point) => point.sizes && point.checkpoint === checkpoint);
      if (!nested?.sizes) return [];
      const share = formatShare(costOf(nested.sizes, ranks).linearShare);
      return [
        {
          name: l10n.t`${nested.name} at ${share}`,
          series: l10n.t('Sizes between the trained ones'),
          role: 'member',
          values,
          ranks,
          between: true,
        },
      ];
    });
    // Two sizes may round to the same share.
    const names = new Map<string, number>();
    const named = added.map((point) => {
      const before = names.get(point.name) ?? 0;
      names.set(point.name, before + 1);
      return before === 0 ? point : { ...point, name: `${point.name} (${before + 1})` };
    });
    return added.length > 0 ? { ...run, points: [...run.points, ...named] } : run;
  });
}

/** Whether all values are positive and differ by more than a factor of ten. */
export function spansDecades(values: readonly number[] = []): boolean {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least > 0 && most / least > 10;
}

/** A formatted difference: `−3.2 (−8.1%)`. */
export function difference(value: number, baseline: number, format: (value: number) => string): string {
  const change = value - baseline;
  const sign = (number: number) => (number > 0 ? '+' : number < 0 ? '−' : '±');
  const share = baseline === 0 ? '' : ` (${sign(change)}${Math.abs((100 * change) / baseline).toFixed(1)}%)`;
  return `${sign(change)}${format(Math.abs(change))}${share}`;
}
