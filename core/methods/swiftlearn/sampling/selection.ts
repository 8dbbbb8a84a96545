/**
 * The value at a rank in descending order, in linear time (Hoare's quickselect); reorders `values`.
 * @param rank from 0
 */
export function nthLargest(values: Float64Array, rank: number): number {
  let [low, high] = [0, values.length - 1];
  if (rank < 0 || rank > high) throw new RangeError(`there is no rank ${rank} among ${values.length} numbers`);
  while (low < high) {
    const pivot = medianOfThree(values, low, high);
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! > pivot) i++;
      while (values[j]! < pivot) j--;
      if (i > j) break;
      const held = values[i]!;
      values[i++] = values[j]!;
      values[j--] = held;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank]!;
}

function medianOfThree(values: Float64Array, low: number, high: number): number {
  const [a, b, c] = [values[low]!, values[(low + high) >> 1]!, values[high]!];
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

export interface SelectionOptions {
  /** Fraction of the samples to keep, above 0 and at most 1. */
  readonly keep: number;
  /** Fraction of the samples with the highest scores to exclude: samples that stay hardest are often mislabeled. */
  readonly skipHardest: number;
  /** Class of each sample and number of classes, to keep the same fraction of every class. */
  readonly balance?: { readonly labels: Int32Array; readonly classes: number } | undefined;
  /** Breaks ties: among equal scores the lowest rank comes first. Ranks are unique. */
  readonly rank: (sample: number) => number;
}

export interface Selection {
  /** 1 if the sample is kept. */
  readonly kept: Uint8Array;
  readonly count: number;
  /** The lowest score that was kept (over all classes in a balanced selection); null for a random selection. */
  readonly threshold: number | null;
}

/** Number of samples to keep: at least one. */
export const keptCount = (samples: number, keep: number): number =>
  Math.min(samples, Math.max(1, Math.round(keep * samples)));

/**
 * Selects the samples with the highest scores, in linear time and a few bytes per sample. NaN, the score of a sample
 * that no pass has seen yet, counts as the highest.
 */
export function selectMost(scores: Float32Array, options: SelectionOptions): Selection {
  const kept = new Uint8Array(scores.length);
  const chosen = groupsOf(scores.length, options.balance).map((samples) => keepMost(scores, samples, kept, options));
  return {
    kept,
    count: chosen.reduce((sum, { count }) => sum + count, 0),
    threshold: Math.min(...chosen.map(({ threshold }) => threshold)),
  };
}

/** Groups that are selected from separately: the samples of each non-empty class, or all samples. */
export const groupsOf = (size: number, balance: SelectionOptions['balance']): Uint32Array[] =>
  balance ? byClass(balance) : [Uint32Array.from({ length: size }, (_, i) => i)];

function byClass({ labels, classes }: NonNullable<SelectionOptions['balance']>): Uint32Array[] {
  const sizes = new Uint32Array(classes);
  for (const label of labels) sizes[label]!++;
  const groups = Array.from(sizes, (size) => new Uint32Array(size));
  const filled = new Uint32Array(classes);
  labels.forEach((label, sample) => {
    groups[label]![filled[label]!++] = sample;
  });
  return groups.filter(({ length }) => length > 0);
}

/** Number of samples excluded at the top, leaving enough to keep. */
export const skippedCount = (samples: number, { keep, skipHardest }: SelectionOptions): number =>
  Math.min(Math.floor(skipHardest * samples), samples - keptCount(samples, keep));

/** Marks the most important of some samples, excluding the hardest as far as enough others remain. */
function keepMost(
  scores: Float32Array,
  samples: Uint32Array,
  kept: Uint8Array,
  options: SelectionOptions,
): { count: number; threshold: number } {
  const { keep, rank } = options;
  const count = keptCount(samples.length, keep);
  const skipped = skippedCount(samples.length, options);
  // Both use the same order, so that the second set is a subset of the first.
  const threshold = markFirst(scores, samples, skipped + count, rank, kept, 1);
  if (skipped > 0) markFirst(scores, samples, skipped, rank, kept, 0);
  return { count, threshold };
}

/** Marks the first `count` samples by score and rank. @returns the lowest score among them */
export function markFirst(
  scores: Float32Array,
  samples: Uint32Array,
  count: number,
  rank: SelectionOptions['rank'],
  marks: Uint8Array,
  mark: 0 | 1,
): number {
  const score = (sample: number) => (Number.isNaN(scores[sample]!) ? Infinity : scores[sample]!);
  const threshold = nthLargest(Float64Array.from(samples, score), count - 1);
  const equals = samples.filter((sample) => score(sample) === threshold);
  let above = 0;
  for (const sample of samples)
    if (score(sample) > threshold) {
      marks[sample] = mark;
      above++;
    }
  const last = -nthLargest(
    Float64Array.from(equals, (sample) => -rank(sample)),
    count - above - 1,
  );
  for (const sample of equals) if (rank(sample) <= last) marks[sample] = mark;
  return threshold;
}
