import type { Column } from '../../core/table';
import { table } from '../../core/table';

/** What a measured figure is held against. */
export interface Goal {
  readonly name: string;
  readonly measured: number;
  readonly limit: number;
  readonly sense: 'at most' | 'at least';
}

/** One part of the report: a table, its remarks, and the numbers behind it. */
export interface Section {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  readonly notes?: readonly string[];
  readonly goals?: readonly Goal[];
  readonly data: unknown;
}

export const isMet = ({ measured, limit, sense }: Goal): boolean =>
  sense === 'at most' ? measured <= limit : measured >= limit;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

export const fixed = (value: number, digits = 1): string => value.toFixed(digits);
export const milliseconds = (seconds: number): string => `${(seconds * 1000).toFixed(seconds < 10 ? 1 : 0)} ms`;

export function render({ title, columns, rows, notes = [], goals = [] }: Section): string {
  const lines = goals.map((goal) => {
    const { name, measured, limit, sense } = goal;
    return `goal: ${name} ${sense} ${limit}: ${measured.toPrecision(3)}, ${isMet(goal) ? 'met' : 'NOT met'}`;
  });
  const body = rows.length > 0 ? [table(columns, rows)] : [];
  return [`── ${title}`, ...body, ...notes, ...lines].join('\n');
}
