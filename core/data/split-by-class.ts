import { Permutation } from './permutation';

/** The samples to split, with their classes. */
export interface Classed {
  readonly size: number;
  label(index: number): number;
}

/** Indices of the samples in each part, ascending. */
export interface SplitIndices {
  readonly train: Int32Array;
  readonly heldOut: Int32Array;
  /** Number of classes. */
  readonly classes: number;
}

/**
 * Splits samples class by class, so that both parts have the same class proportions. The split depends only on the
 * seed.
 * @param share of every class that is held out, rounded; a class with two or more samples has at least one in each part
 */
export function splitIndicesByClass(set: Classed, share: number, seed: number): SplitIndices {
  const byClass = new Map<number, number[]>();
  for (let index = 0; index < set.size; index++) {
    const label = set.label(index);
    const same = byClass.get(label);
    if (same) same.push(index);
    else byClass.set(label, [index]);
  }
  const train: number[] = [];
  const heldOut: number[] = [];
  for (const [label, indices] of byClass) {
    const order = new Permutation(indices.length, seed, label);
    const wanted = Math.round(share * indices.length);
    const held = indices.length < 2 ? 0 : Math.min(Math.max(wanted, 1), indices.length - 1);
    indices.forEach((index, i) => (order.at(i) < held ? heldOut : train).push(index));
  }
  const sorted = (indices: number[]) => Int32Array.from(indices).sort();
  return { train: sorted(train), heldOut: sorted(heldOut), classes: byClass.size };
}
