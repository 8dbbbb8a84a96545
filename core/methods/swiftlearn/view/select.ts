import type { SampleQuery } from '../../../protocol/importance';
import { inOrder } from './order';
import { stateOf, type Pass } from './pass';

export interface Selectable {
  readonly pass: Pass;
  /** Whether labels are classes, so that predictions can be correct or wrong. */
  readonly classes: boolean;
  readonly flagged: ReadonlySet<number>;
}

/** Whether the prediction differs from the label; never true for regression, which is almost never exact. */
const isWrong = ({ pass: { opinions }, classes }: Selectable, sample: number) =>
  classes && opinions?.predicted[sample] !== opinions?.labels[sample];

/** The samples that match a query, in its order; its search text is not applied here. */
export function selectSamples(of: Selectable, query: SampleQuery): Uint32Array {
  const { pass, flagged } = of;
  const { opinions } = pass;
  const { range, label, state, list } = query;
  // Where the run has estimated which labels are wrong, its list decides, in its order.
  const listed = list === 'mislabeled' ? opinions?.wrong : undefined;
  const found = new Uint32Array(listed?.length ?? pass.scores.length);
  let count = 0;
  for (let at = 0; at < found.length; at++) {
    const sample = listed?.[at] ?? at;
    if (label !== undefined && opinions?.labels[sample] !== label) continue;
    const score = pass.scores[sample]!;
    // Samples without a score are in no range.
    if (range && !(score >= range.from && (range.to === undefined || score < range.to))) continue;
    if (state !== undefined && stateOf(pass, sample) !== state) continue;
    if (query.wrong && !isWrong(of, sample)) continue;
    if (query.flagged && !flagged.has(sample)) continue;
    if (list === 'mislabeled' && !listed && !isDoubtful(of, sample)) continue;
    if (list === 'forgotten' && !opinions?.forgotten[sample]) continue;
    found[count++] = sample;
  }
  return listed ? found.slice(0, count) : ordered(of, found.slice(0, count), list);
}

/** Whether the model prefers another class, now or over all predictions. */
const isDoubtful = (of: Selectable, sample: number) =>
  (of.pass.opinions?.suspicion[sample] ?? 0) > 0 || isWrong(of, sample);

/** Sorts are stable, so the least significant key is sorted first. */
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
