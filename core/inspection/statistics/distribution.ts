import { quantileShares, type Histogram, type MagnitudeHistogram, type Quantile } from '../../protocol/inspection';
import type { Points, Accumulation } from './accumulator';

/** Number of histogram bars, as many as fit into a panel. */
const BINS = 128;

/** Below this, a double can represent the midpoint of two integers. */
const MAX_HALVES = 2 ** 52;

/** Tolerance, so that rounding errors do not push a whole count up to the next integer. */
const ROUNDING = 1e-9;

/** Lower quantiles (inverse of the cumulative distribution), one for each of `quantileShares`; empty without elements. */
export function quantilesOf({ values, counts }: Points, finite: number): Quantile[] {
  if (finite === 0) return [];
  let at = 0;
  let below = counts[0]!;
  return quantileShares.map((p) => {
    const wanted = Math.max(1, Math.ceil(p * finite - ROUNDING));
    while (below < wanted && at + 1 < values.length) below += counts[++at]!;
    return { p, value: values[at]! };
  });
}

/**
 * Counts in bins of equal width from the smallest to the largest element. Outliers farther out than half the width of the
 * middle 99.8 % are counted, but have no bin. Integers with a small range have one bin each.
 */
export function histogramOf(
  accumulated: Accumulation,
  quantiles: readonly Quantile[],
  integers: boolean,
): Histogram | null {
  const [first, last] = [quantiles[0], quantiles.at(-1)];
  if (first === undefined || last === undefined) return null;
  // Halved first, because the difference of two doubles can overflow.
  const margin = last.value / 2 - first.value / 2;
  const low = margin > 0 ? Math.max(accumulated.min, first.value - margin) : accumulated.min;
  const high = margin > 0 ? Math.min(accumulated.max, last.value + margin) : accumulated.max;
  return count(accumulated.points, edgesOf(low, high, integers));
}

function edgesOf(low: number, high: number, integers: boolean): number[] {
  if (integers && high - low < BINS && Math.max(-low, high) < MAX_HALVES) {
    const [from, to] = [Math.ceil(low), Math.floor(high)];
    return Array.from({ length: to - from + 2 }, (_, i) => from + i - 0.5);
  }
  if (low === high) {
    // A single value: give its bin a width.
    const pad = low === 0 ? 0.5 : Math.abs(low) / 2;
    return [Math.max(-Number.MAX_VALUE, low - pad), Math.min(Number.MAX_VALUE, high + pad)];
  }
  const edge = (i: number) => low * (1 - i / BINS) + high * (i / BINS);
  // Neighboring doubles leave no room for more edges.
  const inner = Array.from({ length: BINS - 1 }, (_, i) => edge(i + 1)).filter((x) => x > low && x < high);
  return [low, ...new Set(inner), high];
}

function count({ values, counts }: Points, edges: readonly number[]): Histogram {
  const bins = new Array<number>(edges.length - 1).fill(0);
  let [below, above, bin] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < edges[0]!) below += counts[i]!;
    else if (value > edges.at(-1)!) above += counts[i]!;
    else {
      while (bin < bins.length - 1 && value >= edges[bin + 1]!) bin++;
      bins[bin]! += counts[i]!;
    }
  }
  return { edges, counts: bins, below, above };
}

/** The exponent e with 2^e <= |value| < 2^(e + 1). */
function exponentOf(value: number): number {
  const size = Math.abs(value);
  const near = Math.floor(Math.log2(size));
  if (2 ** near > size) return near - 1;
  return 2 ** (near + 1) <= size ? near + 1 : near;
}

export function magnitudesOf({ values, counts }: Points): MagnitudeHistogram {
  const bySign = { negative: new Map<number, number>(), positive: new Map<number, number>() };
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === 0) continue;
    const exponent = exponentOf(value);
    const side = value < 0 ? bySign.negative : bySign.positive;
    side.set(exponent, (side.get(exponent) ?? 0) + counts[i]!);
    least = Math.min(least, exponent);
    most = Math.max(most, exponent);
  }
  if (least > most) return { least: 0, negative: [], positive: [] };
  const list = (side: ReadonlyMap<number, number>) =>
    Array.from({ length: most - least + 1 }, (_, i) => side.get(least + i) ?? 0);
  return { least, negative: list(bySign.negative), positive: list(bySign.positive) };
}
