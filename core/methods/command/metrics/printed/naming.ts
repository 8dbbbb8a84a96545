import { isMetric } from './vocabulary';

/** A name with its value, and what the line says of both. */
export interface Pair {
  readonly name: string;
  readonly value: number;
  /** The part of the data, by the label itself or by words before it. */
  readonly split: string | undefined;
  /** The last part that the line named by then. */
  readonly near: string | undefined;
  /** Which of several: `fold_2`. */
  readonly index: string | undefined;
}

/**
 * The pairs of a line by the names that they are recorded under. Two values of one name are two things: they get the part
 * of the data that was named last before them, or are left out.
 * @param index what the whole line is about, where it names one of several
 */
export function namedApart(
  pairs: readonly Pair[],
  index: string | undefined,
): { values: Map<string, number>; twice: string[] } {
  const full = (pair: Pair) =>
    [index ?? pair.index, pair.split, pair.name].filter((part) => part !== undefined).join('/');
  const parts = new Set(pairs.flatMap(({ split }) => split ?? []));
  // "train Loss: 0.7 Acc: 0.6" is one part's; "train loss 0.7, val loss 0.6, acc 0.9" does not say whose.
  const inherits = ({ name, near }: Pair) => near !== undefined && parts.size === 1 && isMetric(name);
  const nearer = (pair: Pair): Pair => ({ ...pair, split: pair.split ?? pair.near });
  const told = pairs.map((pair) => (inherits(pair) ? nearer(pair) : pair));
  const disputed = new Set([...grouped(told, full)].flatMap(([name, same]) => (differ(same) ? name : [])));
  const apart = told.map((pair) => (disputed.has(full(pair)) ? nearer(pair) : pair));
  const values = new Map<string, number>();
  const twice: string[] = [];
  for (const [name, same] of grouped(apart, full)) {
    if (differ(same)) twice.push(name);
    else values.set(name, same[0]!.value);
  }
  return { values, twice };
}

const differ = (pairs: readonly Pair[]) => pairs.some(({ value }) => !Object.is(value, pairs[0]?.value));

function grouped(pairs: readonly Pair[], keyOf: (pair: Pair) => string): Map<string, Pair[]> {
  const groups = new Map<string, Pair[]>();
  for (const pair of pairs) groups.set(keyOf(pair), [...(groups.get(keyOf(pair)) ?? []), pair]);
  return groups;
}
