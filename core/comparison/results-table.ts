import { formatBytes, formatCount } from '../protocol/format';
import { RANKS_COLUMN, type Metric, type NumberFormat, type ResultPoint, type Results } from '../protocol/results';
import { table, type Column } from '../table';

/** Placeholder for values that were not measured. */
const DASH = '–';

/** Results as a table for a terminal of 80 columns. */
export interface ResultsTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** One row per point, including points whose trials have not been run yet. */
export function tableOf({ metrics, series, points, table: { name, columns } }: Results): ResultsTable {
  const byKey = new Map(metrics.map((metric) => [metric.key, metric]));
  const baselines = new Set(series.flatMap((one) => (one.role === 'baseline' ? [one.name] : [])));
  const cell = (point: ResultPoint, key: string): string => {
    const metric = byKey.get(key);
    if (!metric) return rangeOf(Object.values(point.ranks ?? {}));
    return metric.toBaseline && baselines.has(point.series) ? DASH : valueOf(point, metric);
  };
  return {
    columns: [
      { title: name, align: 'left' },
      ...columns.map((key) => ({ title: key === RANKS_COLUMN ? key : titleOf(byKey.get(key)!) })),
    ],
    rows: points.map((point) => [point.name, ...columns.map((key) => cell(point, key))]),
  };
}

/** The table, its legend and the notes on the controls, as log lines. */
export function describeResults(results: Results): string[] {
  const { columns, rows } = tableOf(results);
  return [...table(columns, rows, { wrapHeadings: true }).split('\n'), ...results.table.legend, ...results.notes];
}

const titleOf = ({ title, label }: Metric) => title ?? label;

function valueOf({ values, spread }: ResultPoint, { key, format = { as: 'count' } }: Metric): string {
  const value = values[key];
  if (value === undefined) return DASH;
  const deviation = 'spread' in format && format.spread ? spread?.[key] : undefined;
  const shown = formatAs(value, format);
  return deviation === undefined ? shown : `${shown}±${formatAs(deviation, format)}`;
}

/** Formats a number as its metric asks. */
export function formatAs(value: number, format: NumberFormat): string {
  switch (format.as) {
    case 'count':
      return formatCount(value);
    case 'bytes':
      return formatBytes(Math.round(value / (format.per ?? 1)));
    case 'perplexity':
      return value < 1000
        ? value.toFixed(value < 100 ? 2 : 1)
        : value < 1e6
          ? value.toFixed(0)
          : value.toExponential(1);
    case 'fixed': {
      const { digits, per = 1, suffix = '', signed = false, grouped = false } = format;
      const number = value / per;
      const size = grouped
        ? Math.abs(number).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
        : Math.abs(number).toFixed(digits);
      const sign = number < 0 ? '−' : signed ? '+' : '';
      return `${sign}${size}${suffix}`;
    }
  }
}

/** `72–152`; `full` if no layer is factored. */
function rangeOf(ranks: readonly number[]): string {
  if (ranks.length === 0) return 'full';
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  return least === most ? String(least) : `${least}–${most}`;
}
