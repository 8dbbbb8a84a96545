import { barEdge, type ImportanceHistogram, type SampleState } from '../../../protocol/importance';
import type { ScoreKind } from '../scores';
import { NEVER_RIGHT } from '../importance';
import { nthLargest } from '../selection';
import { stateOf, type Pass } from './pass';

/** Scores from which bars are made. */
export type ScoreRange = Pick<ImportanceHistogram, 'from' | 'to' | 'open'>;

/** What lies further up than this share of the samples would leave most of the picture empty. */
const OUTLIERS = 0.005;
/** Further up than this part of the range, that is. */
const FAR = 1.5;

/**
 * The range in which the scores of a choice are worth drawing: from the least, or zero, to the highest; a few that are far
 * above all others belong to the last bar.
 */
export function scoreRange(scores: Float32Array, kind: ScoreKind): ScoreRange {
  let from = 0;
  let top = 0;
  let count = 0;
  const known = new Float64Array(scores.length);
  for (const score of scores) {
    if (!Number.isFinite(score)) continue;
    if (score < from) from = score;
    // A sample that was never right has no number of times: it is in the last bar, whatever comes before it.
    if (kind === 'forgetting' && score >= NEVER_RIGHT) continue;
    known[count++] = score;
    if (score > top) top = score;
  }
  const used = known.subarray(0, count);
  const cap = count === 0 ? top : nthLargest(used, Math.floor(OUTLIERS * count));
  const open = kind === 'forgetting' || top - from > FAR * (cap - from);
  const to = open && cap > from ? cap : top;
  return { from, to: to > from ? to : from + 1, open };
}

/** The range that holds those of several choices. */
export const union = (ranges: readonly ScoreRange[]): ScoreRange => ({
  from: Math.min(...ranges.map(({ from }) => from)),
  to: Math.max(...ranges.map(({ to }) => to)),
  open: ranges.some(({ open }) => open),
});

/** Samples by score and by what became of them, counted in one pass. @param label only of a class */
export function histogramOf(
  pass: Pick<Pass, 'epoch' | 'scores' | 'kept' | 'before' | 'opinions'>,
  range: ScoreRange,
  bins: number,
  label?: number,
): ImportanceHistogram {
  const counts: Record<SampleState, number[]> = {
    kept: Array<number>(bins).fill(0),
    returned: Array<number>(bins).fill(0),
    dropped: Array<number>(bins).fill(0),
  };
  const edges = Array.from({ length: bins + 1 }, (_, bar) => barEdge(range, bins, bar));
  const scale = bins / (range.to - range.from);
  // Rounding may put a score beside its bar: who asks for the samples between two edges gets those of the bar.
  const barOf = (score: number) => {
    let bar = Math.min(Math.max(Math.floor((score - range.from) * scale), 0), bins - 1);
    while (bar > 0 && score < edges[bar]!) bar--;
    while (bar < bins - 1 && score >= edges[bar + 1]!) bar++;
    return bar;
  };
  let unscored = 0;
  for (let sample = 0; sample < pass.scores.length; sample++) {
    if (label !== undefined && pass.opinions?.labels[sample] !== label) continue;
    const score = pass.scores[sample]!;
    if (Number.isNaN(score)) {
      unscored++;
      continue;
    }
    counts[stateOf(pass, sample)][barOf(score)]!++;
  }
  return { epoch: pass.epoch, ...range, counts, unscored };
}
