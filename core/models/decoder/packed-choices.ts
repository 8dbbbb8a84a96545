/** A context and one continuation, tokenized together. */
export interface Continuation {
  readonly ids: readonly number[];
  /** Index of the continuation's first token: at least 1, below the number of tokens. */
  readonly from: number;
}

/**
 * Several continuations in one sequence: what they share comes first, then each goes on from there, side by side, without
 * seeing the others. So a model reads a context once, not once for each choice.
 */
export interface PackedRow {
  readonly ids: number[];
  /** Each token's position in its own sequence. */
  readonly positions: number[];
  /** 0 for shared tokens; a token sees these and those of its own branch. */
  readonly branches: number[];
  /** The tokens that are predicted: at which index, and of which continuation. */
  readonly targets: { readonly at: number; readonly id: number; readonly choice: number }[];
}

/** A packed row is at most this many times as long as its longest continuation alone: attention is quadratic. */
const LONGER = 2;

/**
 * Packs the continuations of one question: together, or, if that row would be too long, each alone.
 * @param first number of the first continuation, for `targets`
 * @param maxTokens of a row
 */
export function packChoices(choices: readonly Continuation[], first: number, maxTokens: number): PackedRow[] {
  const packed = pack(choices, first);
  const longest = Math.max(...choices.map(({ ids }) => ids.length - 1));
  if (packed.ids.length <= Math.min(maxTokens, LONGER * longest)) return [packed];
  return choices.map((choice, i) => pack([choice], first + i));
}

function pack(choices: readonly Continuation[], first: number): PackedRow {
  // The token before a continuation predicts its first, so each branch has its own copy of it.
  const shared = commonPrefix(choices, Math.min(...choices.map(({ from }) => from)) - 1);
  const row: PackedRow = { ids: [], positions: [], branches: [], targets: [] };
  const add = (id: number, position: number, branch: number) => {
    row.ids.push(id);
    row.positions.push(position);
    row.branches.push(branch);
  };
  for (let i = 0; i < shared; i++) add(choices[0]!.ids[i]!, i, 0);
  for (const [i, { ids, from }] of choices.entries())
    // The last token predicts nothing that is asked for.
    for (let at = shared; at + 1 < ids.length; at++) {
      if (at + 1 >= from) row.targets.push({ at: row.ids.length, id: ids[at + 1]!, choice: first + i });
      add(ids[at]!, at, i + 1);
    }
  return row;
}

function commonPrefix(choices: readonly Continuation[], most: number): number {
  const [one, ...others] = choices;
  let length = 0;
  while (length < most && others.every(({ ids }) => ids[length] === one!.ids[length])) length++;
  return length;
}
