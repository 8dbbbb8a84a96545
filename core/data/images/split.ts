import { Permutation } from '../permutation';
import { UserError } from '../../errors';
import { subset, type ImageSet } from './image-set';

/**
 * Splits a set class by class, so that both parts have the classes in the same shares; which image goes where depends on
 * the seed alone.
 * @param share of every class that is held out, rounded; at least one image of a class stays on either side where it has two
 * @throws UserError `data.too-small` where a part would be empty
 */
export function splitByClass(set: ImageSet, share: number, seed: number): { train: ImageSet; heldOut: ImageSet } {
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
  if (train.length === 0 || heldOut.length === 0)
    throw new UserError(
      'data.too-small',
      `${set.size} images of ${byClass.size} classes cannot be split into a part to train on and one to judge by.`,
      'Give more images, or a part to judge by of its own.',
    );
  const sorted = (indices: number[]) => Int32Array.from(indices).sort();
  return { train: subset(set, sorted(train)), heldOut: subset(set, sorted(heldOut)) };
}
