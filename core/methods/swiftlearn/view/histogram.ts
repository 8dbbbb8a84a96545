import {
  barEdge,
  type Bars,
  type ImportanceHistogram,
  type ListTruth,
  type SampleState,
  type ScoreScale,
  type ScoreKind,
} from '../../../protocol/importance';
import { NEVER_RIGHT } from '../sampling/importance';
import { nthLargest } from '../sampling/selection';
import { stateOf, type Pass } from './pass';

/** The range of a selection's scores, and their distribution as far as bars need it. */
export interface ScoreRange extends Pick<Bars, 'from' | 'to' | 'open'> {
  /** The smallest value above zero; Infinity if there is none. */
  readonly least: number;
  /** The 90th percentile. */
  readonly most: number;
}

/** Fraction of the samples that may be outliers, which would leave most of the chart empty. */
const OUTLIERS = 0.005;
/** They are outliers if the maximum is above this multiple of the remaining range. */
const FAR = 1.5;
/** If 90 % of the scores are within this fraction of the range, a linear scale shows nothing. */
const CROWDED = 1 / 40;
/** The logarithmic scale starts at this fraction of the highest score. */
const DECADES = 1e-6;

/**
 * The range of scores worth drawing: from the lowest score, or zero, to the highest. A few scores far above all others
 * are put into the last bar.
 */
export function scoreRange(scores: Float32Array, kind: ScoreKind): ScoreRange {
  let from = 0;
  let top = 0;
  let least = Infinity;
  let count = 0;
  const known = new Float64Array(scores.length);
  for (const score of scores) {
    if (!Number.isFinite(score)) continue;
    if (score < from) from = score;
    if (score > 0 && score < least) least = score;
    // A sample that was never correct has no count; it is always in the last bar.
    if (kind === 'forgetting' && score >= NEVER_RIGHT) continue;
    known[count++] = score;
    if (score > top) top = score;
  }
  const used = known.subarray(0, count);
  const cap = count === 0 ? top : nthLargest(used, Math.floor(OUTLIERS * count));
  const open = kind === 'forgetting' || top - from > FAR * (cap - from);
  const to = open && cap > from ? cap : top;
  const most = count === 0 ? top : nthLargest(used, Math.floor(count / 10));
  return { from, to: to > from ? to : from + 1, open, least, most };
}

/**
 * The bars for all selections of a run: the same for each, so that they can be compared.
 * @param ranges of the selections, in order
 * @param wanted a logarithmic scale is used only if scores are not counts and none is negative
 */
export function barsOf(ranges: readonly ScoreRange[], kind: ScoreKind, wanted?: ScoreScale): Bars {
  const from = Math.min(...ranges.map((range) => range.from));
  const to = Math.max(...ranges.map((range) => range.to));
  const open = ranges.some((range) => range.open);
  const least = Math.max(Math.min(...ranges.map((range) => range.least)), DECADES * to);
  const crowded = (ranges.at(-1)?.most ?? to) < from + CROWDED * (to - from);
  const byDecades = wanted === undefined ? crowded : wanted === 'log';
  if (!byDecades || kind === 'forgetting' || from < 0 || least >= to) return { scale: 'linear', from, to, open };
  return { scale: 'log', from: least, to, open };
}

/** Counts samples by score and state, in one pass. @param label counts only this class */
export function histogramOf(
  pass: Pick<Pass, 'epoch' | 'scores' | 'kept' | 'before' | 'opinions'>,
  shape: Bars,
  bins: number,
  label?: number,
): ImportanceHistogram {
  const counts = noCounts(bins);
  const listed = pass.opinions?.wrong;
  const wrong = listed && noCounts(bins);
  const edges = Array.from({ length: bins + 1 }, (_, bar) => barEdge(shape, bins, bar));
  const placed = (score: number) => (shape.scale === 'log' ? Math.log(Math.max(score, shape.from)) : score);
  const start = placed(shape.from);
  const perUnit = bins / (placed(shape.to) - start);
  // Corrects rounding: a query for the samples between two edges must return those of the bar.
  const barOf = (score: number) => {
    let bar = Math.min(Math.max(Math.floor((placed(score) - start) * perUnit), 0), bins - 1);
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
  for (const sample of listed ?? []) {
    const score = pass.scores[sample]!;
    if (Number.isNaN(score) || (label !== undefined && pass.opinions?.labels[sample] !== label)) continue;
    wrong![stateOf(pass, sample)][barOf(score)]!++;
  }
  return { epoch: pass.epoch, ...shape, counts, unscored, wrong, truth: truthOf(pass) };
}

const noCounts = (bins: number): Record<SampleState, number[]> => ({
  kept: Array<number>(bins).fill(0),
  returned: Array<number>(bins).fill(0),
  dropped: Array<number>(bins).fill(0),
});

/** The list of samples that look wrong against the true labels; undefined if either is unknown. */
export function truthOf({ opinions }: Pick<Pass, 'opinions'>): ListTruth | undefined {
  const { wrong: listed, labels, trueLabels } = opinions ?? {};
  if (!listed || !labels || !trueLabels) return undefined;
  const isWrong = (sample: number) => labels[sample] !== trueLabels[sample];
  return {
    listed: listed.length,
    wrong: labels.reduce((sum, _, sample) => sum + (isWrong(sample) ? 1 : 0), 0),
    found: listed.reduce((sum, sample) => sum + (isWrong(sample) ? 1 : 0), 0),
  };
}
