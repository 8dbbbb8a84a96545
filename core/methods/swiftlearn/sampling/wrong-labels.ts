import type { WrongLabels } from '../../../protocol/importance';
import type { Answers } from './answers';
import { markFirst, type ClassLabels, type Doubts } from './selection';

/** At most this share is listed: a model that contradicts more of the labels has not learned them. */
const MOST_LISTED = 0.5;

/** A model that contradicts less than this share of the labels that it is trained on has learned them by heart. */
const BY_HEART = 0.01;

/** Added to both ends of an interval before they are compared, so that an interval near zero counts as narrow. */
const NEAR_ZERO = 0.05;

/** A share of wrong labels with its 90 % confidence interval, all from 0 to 1. */
export type WrongShare = Omit<WrongLabels, 'listed'>;

/** An estimate, and the samples that it is about. */
export interface Suspects extends Doubts {
  readonly wrong: WrongLabels;
}

/** Standard deviations of a 90 % confidence interval. */
const NORMAL_90 = 1.645;

/**
 * Below this share, wrong labels cannot be told from samples that the model misclassifies, and none are listed: even a
 * good model is confidently wrong about one sample in a hundred.
 */
export const LEAST_SHARE = 0.02;

/**
 * Estimates how many labels are wrong from the latest prediction of each sample, by the joint counts of confident learning
 * (Northcutt, Jiang and Chuang, 2021, section 3.1). A sample is predicted with confidence if its likeliest class has at
 * least the mean probability that samples with that label give it, which corrects for a model that is over- or
 * underconfident about a class. The share of a label that is wrong is that of its samples predicted with confidence.
 * Of all classes, only the likeliest and the label are looked at, so that a few bytes a sample do; on the embedded data
 * that changes the share by at most 0.02.
 *
 * The interval adds the error of sampling to two bounds: at most all samples that are predicted otherwise are wrong, and
 * at least those predicted otherwise with confidence, each with the probability that the model gives its prediction.
 * Neither knows of labels that the model has learned by heart.
 * @returns undefined if a sample has no prediction yet
 */
export function countWrongLabels(answers: Answers, { labels, classes }: ClassLabels): WrongShare | undefined {
  const { predicted, confidence, certainty } = answers;
  if (certainty.some(Number.isNaN)) return undefined;
  const size = labels.length;
  const sizes = new Uint32Array(classes);
  const sums = new Float64Array(classes);
  labels.forEach((label, sample) => {
    sizes[label]!++;
    sums[label]! += confidence[sample]!;
  });
  // A class without samples is never predicted with confidence.
  const thresholds = sums.map((sum, c) => (sizes[c] === 0 ? Infinity : sum / sizes[c]!));
  const confident = new Uint32Array(classes);
  const confidentOther = new Uint32Array(classes);
  const other = new Uint32Array(classes);
  let least = 0;
  labels.forEach((label, sample) => {
    const answer = predicted[sample]!;
    const isOther = answer !== label;
    if (isOther) other[label]!++;
    if (certainty[sample]! >= thresholds[answer]!) {
      confident[label]!++;
      if (isOther) {
        confidentOther[label]!++;
        least += certainty[sample]!;
      }
    } else if (confidence[sample]! >= thresholds[label]!) confident[label]!++;
  });
  const wrong = sizes.reduce((sum, count, c) => {
    const expected = confident[c] === 0 ? 0 : (count * confidentOther[c]!) / confident[c]!;
    return sum + Math.min(Math.max(expected, confidentOther[c]!), other[c]!);
  }, 0);
  const share = wrong / size;
  const error = NORMAL_90 * Math.sqrt((share * (1 - share)) / size);
  return {
    share,
    low: Math.max(0, least / size - error),
    high: Math.min(1, other.reduce((sum, count) => sum + count, 0) / size + error),
  };
}

/** The samples that look wrong, if that share of the labels is: those with the highest `Answers.suspicion`. */
export function listWrongLabels(answers: Answers, { labels }: ClassLabels, wrong: WrongShare): Suspects {
  const size = labels.length;
  const listed = wrong.share < LEAST_SHARE ? 0 : Math.floor(Math.min(wrong.share, MOST_LISTED) * size);
  const doubts = Float32Array.from(labels, (_, sample) => answers.suspicion(sample));
  const marks = new Uint8Array(size);
  if (listed > 0) markFirst(doubts, Uint32Array.from(labels.keys()), listed, (sample) => sample, marks);
  return { wrong: { ...wrong, listed }, listed: marks };
}

/** The share of the samples, or of some of them, whose label is not what the model predicts. */
function contradicted({ predicted }: Answers, { labels }: ClassLabels, some?: Uint8Array): number {
  let [count, other] = [0, 0];
  labels.forEach((label, sample) => {
    if (some?.[sample] === 0) return;
    count++;
    if (predicted[sample] !== label) other++;
  });
  return other / Math.max(1, count);
}

/**
 * How far apart the ends of an interval are, as a ratio. As a model learns the classes, they meet at the true share. As it
 * learns wrong labels by heart, both fall, and the interval gets narrower without knowing more; its ratio falls less, or
 * rises, since confident contradictions go first. That was seen on the embedded e-mails; it is no law.
 */
const spreadOf = ({ low, high }: Pick<WrongShare, 'low' | 'high'>) => (high + NEAR_ZERO) / (low + NEAR_ZERO);

/** The share of labels that differ from the most frequent one: what a model contradicts that knows nothing else. */
function contradictedByGuessing({ labels, classes }: ClassLabels): number {
  const sizes = new Uint32Array(classes);
  for (const label of labels) sizes[label]!++;
  return 1 - sizes.reduce((most, size) => Math.max(most, size), 0) / Math.max(1, labels.length);
}

/** The estimate of a training, over all its predictions so far; its state can be stored. */
export class WrongLabelsEstimate {
  /** `share`, `low` and `high`; NaN before the first estimate. Rounded to what a checkpoint stores. */
  readonly state = new Float32Array(3).fill(NaN);

  /**
   * Takes new predictions of all samples into account, from a pass or an epoch of training. Of all so far, those count whose
   * interval has the least spread. Left out are those of a model that does no better than guessing, and, except for the
   * first, of one that has learned its samples by heart.
   * @param trained 1 for samples that were trained on since the predictions before: [samples]
   */
  add(answers: Answers, known: ClassLabels, trained: Uint8Array): void {
    const now = countWrongLabels(answers, known);
    if (!now || contradicted(answers, known) >= contradictedByGuessing(known)) return;
    const before = this.value;
    if (before && (contradicted(answers, known, trained) < BY_HEART || spreadOf(before) <= spreadOf(now))) return;
    this.state.set([now.share, now.low, now.high]);
  }

  get value(): WrongShare | undefined {
    const [share, low, high] = this.state;
    return Number.isNaN(share!) ? undefined : { share: share!, low: low!, high: high! };
  }
}
