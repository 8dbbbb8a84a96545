/** Mean and sample standard deviation (n − 1); the deviation is undefined for a single number. */
export interface Spread {
  readonly count: number;
  readonly mean: number;
  readonly deviation: number | undefined;
}

/** Undefined for an empty list. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : undefined };
}
