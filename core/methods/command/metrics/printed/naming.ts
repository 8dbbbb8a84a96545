import { isMetric } from './vocabulary';

/** A name with its value, and the context on the line. */
export interface Pair {
  readonly name: string;
  readonly value: number;
  /** The split, from the label itself or from words before it. */
  readonly split: string | undefined;
  /** The last split that the line named before it. */
  readonly near: string | undefined;
  /** An index such as `fold_2`. */
  readonly index: string | undefined;
}

/**
 * Values by recorded name. If a name has two different values, they are told apart by the last split named before each,
 * or skipped.
 * @param index the index that the whole line is about, if it has one
 */
export function namedApart(
  pairs: readonly Pair[],
  index: string | undefined,
): { values: Map<string, number>; twice: string[] } {
  const full = (pair: Pair) =>
    [index ?? pair.index, pair.split, pair.name].filter((part) => part !== undefined).join('/');
  const parts = new Set(pairs.flatMap(({ split }) => split ?? []));
  // In "train Loss: 0.7 Acc: 0.6" both are from train; "train loss 0.7, val loss 0.6, acc 0.9" does not tell.
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
