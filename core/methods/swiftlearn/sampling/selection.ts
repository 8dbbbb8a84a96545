/**
 * The number at a rank of an order in which the largest come first, in linear time (Hoare's selection); reorders `values`.
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
  /** Share of the samples to keep, above 0 and at most 1. */
  readonly keep: number;
  /** Share of the samples that is dropped from the top: samples that stay hardest to the end are often mislabeled. */
  readonly skipHardest: number;
  /** Class of each sample, where the kept share is to be the same in every class; `classes` of them. */
  readonly balance?: { readonly labels: Int32Array; readonly classes: number } | undefined;
  /** Among samples of one score those of the lowest rank come first; every sample has another. */
  readonly rank: (sample: number) => number;
}

export interface Selection {
  /** 1 where the sample is kept. */
  readonly kept: Uint8Array;
  readonly count: number;
  /** The lowest score that was kept (over all classes in a balanced selection); null for a random selection. */
  readonly threshold: number | null;
}

/** Samples that are kept of so many: at least one. */
export const keptCount = (samples: number, keep: number): number =>
  Math.min(samples, Math.max(1, Math.round(keep * samples)));

/**
 * The samples of the highest scores, in linear time and some bytes a sample. A score that is not a number, of a sample
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

/** What is selected from separately: the samples of each class that has any, or all of them. */
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

/** Of so many samples, how many are left out from the top: as many as leave enough others. */
export const skippedCount = (samples: number, { keep, skipHardest }: SelectionOptions): number =>
  Math.min(Math.floor(skipHardest * samples), samples - keptCount(samples, keep));

/** Marks the most important of some samples, but not the very hardest, as far as enough others remain. */
function keepMost(
  scores: Float32Array,
  samples: Uint32Array,
  kept: Uint8Array,
  options: SelectionOptions,
): { count: number; threshold: number } {
  const { keep, rank } = options;
  const count = keptCount(samples.length, keep);
  const skipped = skippedCount(samples.length, options);
  // Both follow the same order, so that the second is a part of the first.
  const threshold = markFirst(scores, samples, skipped + count, rank, kept, 1);
  if (skipped > 0) markFirst(scores, samples, skipped, rank, kept, 0);
  return { count, threshold };
}

/** Marks the first of some samples in the order of scores and ranks. @returns the lowest score among them */
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
