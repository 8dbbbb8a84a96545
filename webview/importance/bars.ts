import * as l10n from '@vscode/l10n';
import { formatNumber } from '../../core/protocol/format';
import { barEdge, type ImportanceHistogram, type SampleQuery, type SampleState } from '../../core/protocol/importance';
import type { BarRange } from './state';

/** Number of samples in a range of bars; in all bars if there is no range. */
export const barsOf = (counts: readonly number[], range?: BarRange | null): number =>
  (range ? counts.slice(range.first, range.last + 1) : counts).reduce((sum, one) => sum + one, 0);

/** The scores covered by some bars, as text. */
export function barTitle(histogram: ImportanceHistogram, first: number, last = first): string {
  const bars = histogram.counts.kept.length;
  const from = formatNumber(barEdge(histogram, bars, first), 3);
  if (last === bars - 1 && histogram.open) return l10n.t`Scores from ${from}`;
  return l10n.t`Scores from ${from} to ${formatNumber(barEdge(histogram, bars, last + 1), 3)}`;
}

/**
 * The range of scores to request for some bars. There is no upper limit if it includes the last bar, which holds the highest
 * score too.
 */
export function scoresOf(histogram: ImportanceHistogram, range: BarRange | null): SampleQuery['range'] {
  if (!range) return undefined;
  const bars = histogram.counts.kept.length;
  const from = barEdge(histogram, bars, range.first);
  return range.last >= bars - 1 ? { from } : { from, to: barEdge(histogram, bars, range.last + 1) };
}

/** Number of samples in a range of bars, or in all, that are in one of some states and look wrong. */
export const wrongOf = (
  { wrong }: ImportanceHistogram,
  states: readonly SampleState[],
  range?: BarRange | null,
): number => states.reduce((sum, state) => sum + (wrong ? barsOf(wrong[state], range) : 0), 0);

/** Height of the highest stack. */
export const peakOf = ({ counts }: ImportanceHistogram): number =>
  Math.max(...counts.kept.map((kept, bar) => kept + (counts.returned[bar] ?? 0) + (counts.dropped[bar] ?? 0)));
