import type { SampleQuery } from '../../../protocol/importance';
import { inOrder } from './order';
import { stateOf, type Pass } from './pass';

export interface Selectable {
  readonly pass: Pass;
  /** Whether labels are classes, which can be right or wrong. */
  readonly classes: boolean;
  readonly flagged: ReadonlySet<number>;
}

/** Whether the model says something else than the label; never for numbers, which are nearly always off by something. */
const isWrong = ({ pass: { opinions }, classes }: Selectable, sample: number) =>
  classes && opinions?.predicted[sample] !== opinions?.labels[sample];

/** The samples that a query is about, in its order, but for what it searches. */
export function selectSamples(of: Selectable, query: SampleQuery): Uint32Array {
  const { pass, flagged } = of;
  const { opinions } = pass;
  const { range, label, state, list } = query;
  const found = new Uint32Array(pass.scores.length);
  let count = 0;
  for (let sample = 0; sample < found.length; sample++) {
    if (label !== undefined && opinions?.labels[sample] !== label) continue;
    const score = pass.scores[sample]!;
    // What has no score is in no range.
    if (range && !(score >= range.from && (range.to === undefined || score < range.to))) continue;
    if (state !== undefined && stateOf(pass, sample) !== state) continue;
    if (query.wrong && !isWrong(of, sample)) continue;
    if (query.flagged && !flagged.has(sample)) continue;
    if (list === 'mislabeled' && !isDoubtful(of, sample)) continue;
    if (list === 'forgotten' && !opinions?.forgotten[sample]) continue;
    found[count++] = sample;
  }
  return ordered(of, found.slice(0, count), list);
}

/** The model prefers another class now, or did so over all passes. */
const isDoubtful = (of: Selectable, sample: number) =>
  (of.pass.opinions?.suspicion[sample] ?? 0) > 0 || isWrong(of, sample);

/** The least of several orders comes first: each keeps what the one before it made of equals. */
function ordered(of: Selectable, samples: Uint32Array, list: SampleQuery['list']): Uint32Array {
  const { scores, opinions } = of.pass;
  switch (list) {
    case 'important':
      return inOrder(samples, scores, true);
    case 'least':
      return inOrder(samples, scores, false);
    case 'forgotten':
      return inOrder(inOrder(samples, scores, true), opinions?.forgotten ?? [], true);
    case 'mislabeled': {
      const doubtful = inOrder(samples, opinions?.suspicion ?? [], true);
      const wrong = doubtful.filter((sample) => isWrong(of, sample));
      const right = doubtful.filter((sample) => !isWrong(of, sample));
      doubtful.set(wrong);
      doubtful.set(right, wrong.length);
      return doubtful;
    }
  }
}
