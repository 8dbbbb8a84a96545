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

/** The classes of samples. */
export interface ClassLabels {
  /** Class indices: [samples] */
  readonly labels: Int32Array;
  /** Number of classes. */
  readonly classes: number;
}

export interface SelectionOptions {
  /** Fraction of the samples to keep, above 0 and at most 1. */
  readonly keep: number;
  /**
   * What to exclude as probably mislabeled: the fraction of the samples with the highest scores, as far as enough others
   * remain to keep, or all samples that look wrong, so that fewer may be kept.
   */
  readonly skipHardest: number | Doubts;
  /** Keeps the same fraction of every class. */
  readonly balance?: ClassLabels | undefined;
  /** Breaks ties: among equal scores the lowest rank comes first. Ranks are unique. */
  readonly rank: (sample: number) => number;
}

/** Samples that look mislabeled. */
export interface Doubts {
  /** 1 for samples that look wrong: [samples] */
  readonly listed: Uint8Array;
}

export interface Selection {
  /** 1 if the sample is kept. */
  readonly kept: Uint8Array;
  readonly count: number;
  /** Number of samples that were excluded as probably mislabeled. */
  readonly leftOut: number;
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
  let [count, leftOut, threshold] = [0, 0, Infinity];
  for (const samples of groupsOf(scores.length, options.balance)) {
    const rest = withoutSkipped(scores, samples, options);
    const wanted = Math.min(rest.length, keptCount(samples.length, options.keep));
    if (wanted === 0) continue;
    threshold = Math.min(threshold, markFirst(scores, rest, wanted, options.rank, kept));
    count += wanted;
    leftOut += samples.length - rest.length;
  }
  return { kept, count, leftOut, threshold };
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

/** The samples of a group without those that are probably mislabeled. */
export function withoutSkipped(scores: Float32Array, samples: Uint32Array, options: SelectionOptions): Uint32Array {
  const { skipHardest, keep, rank } = options;
  if (typeof skipHardest !== 'number') return samples.filter((sample) => skipHardest.listed[sample] === 0);
  const count = Math.min(Math.floor(skipHardest * samples.length), samples.length - keptCount(samples.length, keep));
  if (count === 0) return samples;
  const skipped = new Uint8Array(scores.length);
  markFirst(scores, samples, count, rank, skipped);
  return samples.filter((sample) => skipped[sample] === 0);
}

/** Marks the first `count` samples by score and rank. @returns the lowest score among them */
export function markFirst(
  scores: Float32Array,
  samples: Uint32Array,
  count: number,
  rank: SelectionOptions['rank'],
  marks: Uint8Array,
): number {
  const score = (sample: number) => (Number.isNaN(scores[sample]!) ? Infinity : scores[sample]!);
  const threshold = nthLargest(Float64Array.from(samples, score), count - 1);
  const equals = samples.filter((sample) => score(sample) === threshold);
  let above = 0;
  for (const sample of samples)
    if (score(sample) > threshold) {
      marks[sample] = 1;
      above++;
    }
  const last = -nthLargest(
    Float64Array.from(equals, (sample) => -rank(sample)),
    count - above - 1,
  );
  for (const sample of equals) if (rank(sample) <= last) marks[sample] = 1;
  return threshold;
}
