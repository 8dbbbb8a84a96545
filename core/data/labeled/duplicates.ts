import { subset, type LabeledTexts } from './texts';
import { TextIndex } from './text-index';

/** How many texts are repeated, and some examples by their places. */
export interface Repeated {
  readonly count: number;
  readonly examples: readonly string[];
}

const EXAMPLES = 5;

class Accumulator {
  #count = 0;
  readonly #examples: string[] = [];

  add(example: () => string): void {
    this.#count += 1;
    if (this.#examples.length < EXAMPLES) this.#examples.push(example());
  }

  get repeated(): Repeated {
    return { count: this.#count, examples: this.#examples };
  }
}

/**
 * Removes training samples whose text is also in an evaluation set: the model would have seen the answer.
 * @param evalSets the evaluation sets; nothing is removed from them, so that results stay comparable
 */
export function withoutDuplicates(
  train: LabeledTexts,
  evalSets: readonly LabeledTexts[],
): { train: LabeledTexts; removed: Repeated } {
  const indices = evalSets.map((set) => {
    const index = new TextIndex(set);
    for (let i = 0; i < set.size; i++) index.add(i);
    return { set, index };
  });
  const kept = new Int32Array(train.size);
  let size = 0;
  const removed = new Accumulator();
  for (let i = 0; i < train.size; i++) {
    const twin = indices.flatMap(({ set, index }) => {
      const found = index.find(train, i);
      return found === undefined ? [] : [{ set, found }];
    })[0];
    if (twin === undefined) kept[size++] = i;
    else removed.add(() => `${train.name(i)} is ${twin.set.name(twin.found)}`);
  }
  return {
    train: size === train.size ? train : subset(train, kept.slice(0, size)),
    removed: removed.repeated,
  };
}

/** Texts that occur in a set with different labels, each counted once; no model can learn both. */
export function findConflicts(set: LabeledTexts): Repeated {
  const index = new TextIndex(set);
  const known = new Set<number>();
  const conflicts = new Accumulator();
  for (let i = 0; i < set.size; i++) {
    const first = index.add(i);
    if (first === undefined || set.label(first) === set.label(i) || known.has(first)) continue;
    known.add(first);
    conflicts.add(() => `${set.name(first)} and ${set.name(i)}`);
  }
  return conflicts.repeated;
}
