import type { WrongLabels } from '../../../protocol/importance';
import type { Answers } from './answers';
import { markFirst, type ClassLabels, type Doubts } from './selection';

/** An estimate, and the samples that it is about. */
export interface Suspects extends Doubts {
  readonly wrong: WrongLabels;
}

/** Standard deviations of a 90 % confidence interval. */
const NORMAL_90 = 1.645;

/**
 * Below this share, hard samples and wrong labels cannot be told apart: the model misclassifies a few samples that are
 * labeled correctly, and with confidence. Then no sample is listed.
 */
export const LEAST_SHARE = 0.02;

/**
 * Estimates how many labels are wrong from the predictions of the last pass, by the joint counts of confident learning
 * (Northcutt, Jiang and Chuang, 2021, section 3.1): a sample counts as predicted with confidence if its class has at
 * least the mean probability that samples labeled so have, which corrects for a model that is over- or underconfident
 * about a class. The share of a class that is wrong is that among its samples predicted with confidence. Of the
 * classes above their threshold, only the likeliest and the label are looked at, so that a few bytes a sample do.
 *
 * The interval adds the error of sampling to two bounds: at least the samples predicted otherwise with confidence are
 * wrong, and at most all that are predicted otherwise.
 *
 * The predictions must come from a model that has not learned the samples by heart: from early epochs, or of samples
 * that were left out. The list ranks samples by `Answers.suspicion`.
 * @returns undefined if a sample has no prediction yet
 */
export function findWrongLabels(answers: Answers, { labels, classes }: ClassLabels): Suspects | undefined {
  const { predicted, confidence, certainty } = answers;
  const size = labels.length;
  if (certainty.some(Number.isNaN)) return undefined;
  const sizes = new Uint32Array(classes);
  const thresholds = new Float64Array(classes);
  labels.forEach((label, sample) => {
    sizes[label]!++;
    thresholds[label]! += confidence[sample]!;
  });
  // Classes without samples are never confident.
  for (let c = 0; c < classes; c++) thresholds[c] = sizes[c] === 0 ? Infinity : thresholds[c]! / sizes[c]!;
  const counted = new Uint32Array(classes);
  const off = new Uint32Array(classes);
  const otherwise = new Uint32Array(classes);
  labels.forEach((label, sample) => {
    const answer = predicted[sample]!;
    if (answer !== label) otherwise[label]!++;
    if (certainty[sample]! >= thresholds[answer]!) {
      counted[label]!++;
      if (answer !== label) off[label]!++;
    } else if (confidence[sample]! >= thresholds[label]!) counted[label]!++;
  });
  const wrong = sizes.reduce((sum, count, c) => {
    const expected = counted[c] === 0 ? 0 : (count * off[c]!) / counted[c]!;
    return sum + Math.min(Math.max(expected, off[c]!), otherwise[c]!);
  }, 0);
  const total = (counts: Uint32Array) => counts.reduce((sum, count) => sum + count, 0);
  const share = wrong / size;
  const listed = share < LEAST_SHARE ? 0 : Math.round(wrong);
  const doubts = Float32Array.from({ length: size }, (_, sample) => answers.suspicion(sample));
  const marks = new Uint8Array(size);
  if (listed > 0) markFirst(doubts, Uint32Array.from(marks.keys()), listed, (sample) => sample, marks);
  return {
    wrong: {
      share,
      low: Math.max(0, total(off) / size - errorOf(share, size)),
      high: Math.min(1, total(otherwise) / size + errorOf(share, size)),
      listed,
    },
    doubts,
    listed: marks,
  };
}

/** Half of the confidence interval of a share of independent samples. */
const errorOf = (share: number, size: number): number => NORMAL_90 * Math.sqrt((share * (1 - share)) / size);
