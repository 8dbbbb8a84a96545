import type { TradeoffAxis } from '../../core/protocol/tradeoff';
import { toCsv, toLatex, toMarkdown, type Cell } from '../../core/protocol/table-export';
import type { Shown } from './model';

export type TableFormat = 'csv' | 'latex' | 'markdown';

/** The points with all their values, as a table in a file format. */
export function exportTable(points: readonly Shown[], axes: readonly TradeoffAxis[], format: TableFormat): string {
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
  return { csv: toCsv, latex: toLatex, markdown: toMarkdown }[format](header, rows);
}
