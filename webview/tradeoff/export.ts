import type { TradeoffAxis } from '../../core/protocol/tradeoff';
import type { Cell } from '../../core/protocol/table-export';
import type { Shown } from './model';

/** A table of the points with all their values. */
export function tableOf(points: readonly Shown[], axes: readonly TradeoffAxis[]) {
  const header = [
    'run',
    'name',
    'series',
    ...axes.map(({ label, unit }) => (unit === '' ? label : `${label} (${unit})`)),
  ];
  const rows = points.map(({ run, point }): Cell[] => [
    run.name,
    point.name,
    point.series,
    ...axes.map(({ key }) => point.values[key] ?? ''),
  ]);
  return { header, rows };
}
