import { paretoFront } from '../../core/protocol/pareto';
import type { TradeoffAxis, TradeoffPoint, TradeoffRun } from '../../core/protocol/tradeoff';

/** A point with what it needs to be drawn and found again. */
export interface Shown {
  /** Unique over the runs that are shown. */
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
  readonly runIndex: number;
  readonly points: readonly Shown[];
}

export interface Scene {
  readonly series: readonly Series[];
  readonly points: readonly Shown[];
  /** Ids of the points that no other beats. */
  readonly front: ReadonlySet<string>;
}

/** The axes of all runs, each once, in their order. */
export function axesOf(runs: readonly TradeoffRun[]): TradeoffAxis[] {
  const byKey = new Map(runs.flatMap(({ axes }) => axes).map((axis) => [axis.key, axis]));
  const measured = new Set(runs.flatMap(({ points }) => points.flatMap(({ values }) => Object.keys(values))));
  return [...byKey.values()].filter(({ key }) => measured.has(key));
}

/** An axis that is there: the wanted one, or the first of the role. */
export function chooseAxis(
  axes: readonly TradeoffAxis[],
  wanted: string,
  role: TradeoffAxis['role'],
): TradeoffAxis | undefined {
  return axes.find(({ key }) => key === wanted) ?? axes.find((axis) => axis.role === role) ?? axes[0];
}

/** What the chart shows for two axes; points without one of the two values are left out. */
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
      const one = series.get(key) ?? { label, role: point.role, runIndex, points: [] };
      one.points.push(shown);
      series.set(key, one);
    }
  const front = paretoFront(points, x.better, y.better);
  return {
    // The family first: it is what the panel is about, and gets the first color.
    series: [...series.values()].sort((a, b) => ORDER[a.role] - ORDER[b.role]),
    points,
    front: new Set(front.map((index) => points[index]?.id ?? '')),
  };
}

const ORDER: Record<TradeoffPoint['role'], number> = { member: 0, control: 1, baseline: 2 };

/** Whether values are positive and more than a factor of ten apart. */
export function spansDecades(values: readonly number[] = []): boolean {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least > 0 && most / least > 10;
}

/** A difference as people say it: `−3.2 (−8.1%)`. */
export function difference(value: number, baseline: number, format: (value: number) => string): string {
  const change = value - baseline;
  const sign = (number: number) => (number > 0 ? '+' : number < 0 ? '−' : '±');
  const share = baseline === 0 ? '' : ` (${sign(change)}${Math.abs((100 * change) / baseline).toFixed(1)}%)`;
  return `${sign(change)}${format(Math.abs(change))}${share}`;
}
