import { betterOf } from '../../core/protocol/runs';
import type { Line } from './series';

/** Statistics of a line's raw values. */
export interface LineStatistics {
  readonly points: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
  /** The best value and its step within its phase, if the metric's name says what is better. */
  readonly best: { readonly value: number; readonly step: number; readonly better: 'lower' | 'higher' } | undefined;
  /** Number of non-finite values. */
  readonly broken: number;
}

export function statisticsOf({ metric, values, steps }: Line): LineStatistics {
  let [min, max, minAt, maxAt, broken] = [Infinity, -Infinity, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      broken++;
      continue;
    }
    if (value < min) [min, minAt] = [value, i];
    if (value > max) [max, maxAt] = [value, i];
  }
  const better = min <= max ? betterOf(metric) : undefined;
  return {
    points: values.length,
    last: values.at(-1) ?? NaN,
    min,
    max,
    best: better && {
      value: better === 'lower' ? min : max,
      step: steps[better === 'lower' ? minAt : maxAt] ?? 0,
      better,
    },
    broken,
  };
}
