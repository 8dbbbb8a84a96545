import { Permutation } from '../../../data/permutation';
import { Random } from '../../../random';
import { groupsOf, keptCount, withoutSkipped, type Selection, type SelectionOptions } from './selection';

/**
 * Part of a sample's probability that does not depend on its score. A sample's weight is at most 1 / EVEN, so that an
 * easy sample that turns out hard does not destabilize training (defensive importance sampling, Hesterberg, 1995).
 */
const EVEN = 0.25;

export interface DrawOptions extends SelectionOptions {
  /** Integers that identify the random stream of this draw. */
  readonly stream: readonly number[];
}

export interface Draw extends Selection {
  readonly threshold: null;
  /**
   * Factors of all samples' losses, 0 for those not drawn. They are inversely proportional to the sample's probability,
   * so that the expected gradient is that of all samples.
   */
  readonly weights: Float32Array;
}

/**
 * Draws samples without replacement, with probabilities that are partly uniform and otherwise proportional to the
 * score, in linear time: systematic sampling in random order (Madow, 1949). NaN counts as the highest score; scores
 * must not be negative.
 */
export function drawByScore(scores: Float32Array, options: DrawOptions): Draw {
  const weights = new Float32Array(scores.length);
  let [count, leftOut] = [0, 0];
  groupsOf(scores.length, options.balance).forEach((group, number) => {
    const samples = withoutSkipped(scores, group, options);
    leftOut += group.length - samples.length;
    const wanted = Math.min(samples.length, keptCount(group.length, options.keep));
    if (wanted > 0) count += drawGroup(scores, samples, wanted, [...options.stream, number], weights);
  });
  return { kept: Uint8Array.from(weights, (weight) => (weight > 0 ? 1 : 0)), count, leftOut, threshold: null, weights };
}

/** Writes the weights of the drawn samples. @returns the number of samples drawn */
function drawGroup(
  scores: Float32Array,
  samples: Uint32Array,
  count: number,
  stream: readonly number[],
  weights: Float32Array,
): number {
  const chances = chancesOf(scores, samples, count);
  const order = new Permutation(samples.length, ...stream);
  // The cumulative probability passes `count` steps of 1, wherever the first step is.
  let step = new Random(...stream).uniform();
  let [sum, drawn] = [0, 0];
  for (let i = 0; i < samples.length; i++) {
    const index = order.at(i);
    sum += chances[index]!;
    if (sum <= step) continue;
    weights[samples[index]!] = count / samples.length / chances[index]!;
    drawn++;
    step++;
  }
  return drawn;
}

/** The probability of drawing each sample: proportional to its score, at most 1, with sum `count`. */
function chancesOf(scores: Float32Array, samples: Uint32Array, count: number): Float64Array {
  let highest = 0;
  for (const sample of samples) if (scores[sample]! > highest) highest = scores[sample]!;
  const own = Float64Array.from(samples, (sample) => (Number.isNaN(scores[sample]!) ? highest : scores[sample]!));
  const mean = own.reduce((sum, score) => sum + score, 0) / samples.length;
  const wanted = own.map((score) => EVEN + (1 - EVEN) * (mean > 0 ? score / mean : 1));
  // Probabilities above 1 are capped and the surplus goes to the others, some of which may reach 1 in turn.
  for (let factor = count / samples.length; ;) {
    let [certain, rest] = [0, 0];
    for (const value of wanted)
      if (factor * value >= 1) certain++;
      else rest += value;
    const better = rest > 0 ? (count - certain) / rest : factor;
    if (better <= factor * (1 + 1e-9)) return wanted.map((value) => Math.min(1, factor * value));
    factor = better;
  }
}
