import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { mapValues, sizeOf } from '../host';
import { blockwise } from './blockwise';
import { fused, fusedAll, isTracingForGpu } from './fused';

type Named<T> = Readonly<Record<string, T>>;

/**
 * The largest tensor that is joined with others, in elements. To start a kernel takes as long as some passes over so many; joining
 * larger ones would take memory and save no time.
 */
export const LARGEST_JOINED = 2 ** 20;

/** Whether tensors of a shape are joined with others for a GPU. */
export const isJoined = (shape: readonly number[]): boolean => sizeOf(shape) > 0 && sizeOf(shape) <= LARGEST_JOINED;

export const isMatrix = (shape: readonly number[]): boolean => shape.length > 1;

/** Matrices first: optimizers treat them differently from norms and biases, so each kind is in one piece. */
export const matricesFirst = <T>(items: readonly T[], shapeOf: (item: T) => readonly number[]): T[] => [
  ...items.filter((item) => isMatrix(shapeOf(item))),
  ...items.filter((item) => !isMatrix(shapeOf(item))),
];

/** Names of tensors that are computed at once, in order. */
function groupsOf(shapes: Named<readonly number[]>): string[][] {
  const names = Object.keys(shapes);
  const small = names.filter((name) => isJoined(shapes[name]!));
  const large = names.filter((name) => !isJoined(shapes[name]!));
  return [matricesFirst(small, (name) => shapes[name]!), ...large.map((name) => [name])].filter(
    (group) => group.length > 0,
  );
}

const join = (tensors: readonly Tensor[]): Tensor => fused('Join', Object.fromEntries(tensors.entries()));

/**
 * The same tensors, the small ones joined into one where that saves work: for functions of all their elements, in any order.
 */
export function joined(tensors: Named<Tensor>): Tensor[] {
  if (!isTracingForGpu()) return Object.values(tensors);
  const groups = groupsOf(mapValues(tensors, ({ shape }) => shape));
  return groups.map((names) => (names.length === 1 ? tensors[names[0]!]! : join(names.map((name) => tensors[name]!))));
}

type OnMatrices = (factor: Tensor) => Tensor | undefined;

/** Of joined tensors, matrices first. */
function factorOn(shapes: readonly (readonly number[])[]): OnMatrices {
  const sizes = { matrices: 0, others: 0 };
  for (const shape of shapes) sizes[isMatrix(shape) ? 'matrices' : 'others'] += sizeOf(shape);
  return (factor) => {
    if (sizes.matrices === 0) return undefined;
    if (sizes.others === 0) return factor;
    return tf.concat([tf.tile(tf.reshape(factor, [1]), [sizes.matrices]), tf.ones([sizes.others])]);
  };
}

/**
 * Computes an element-wise function of tensors of equal names and shapes: for a GPU, of many small ones at once, in a tenth of the
 * launches; for a CPU, one after another, in blocks (./blockwise) if that is asked for. The results are the same to the bit.
 * @param compute treats every element alike and keeps the shape; the only other tensors that it may use are scalars, and a factor on
 *   the elements of matrices that it makes of a scalar; it is undefined if there are no matrices. Not differentiable
 */
export function together<Input extends string, Result extends string>(
  inputs: Readonly<Record<Input, Named<Tensor>>>,
  compute: (tensors: Record<Input, Tensor>, onMatrices: OnMatrices) => Record<Result, Tensor>,
  { blocks }: { readonly blocks: boolean },
): Record<Result, Named<Tensor>> {
  const shapes = mapValues(Object.values<Named<Tensor>>(inputs)[0]!, ({ shape }) => shape);
  const results: Record<string, Record<string, Tensor>> = {};
  const keep = (name: string, made: Readonly<Record<string, Tensor>>) => {
    for (const [key, tensor] of Object.entries(made)) (results[key] ??= {})[name] = tensor;
  };
  const names = Object.keys(shapes);
  for (const group of isTracingForGpu() ? groupsOf(shapes) : names.map((name) => [name])) {
    const [first] = group as [string];
    const onMatrices = factorOn(group.map((name) => shapes[name]!));
    if (group.length === 1) {
      const own = mapValues(inputs, (named: Named<Tensor>) => named[first]!);
      keep(first, blocks ? blockwise(own, (tensors) => compute(tensors, onMatrices)) : compute(own, onMatrices));
      continue;
    }
    const whole = mapValues(inputs, (named: Named<Tensor>) => join(group.map((name) => named[name]!)));
    const parts = mapValues(compute(whole, onMatrices), (x: Tensor) =>
      fusedAll('Parts', { x }, { shapes: group.map((name) => [...shapes[name]!]) }),
    );
    for (const [index, name] of group.entries())
      keep(
        name,
        mapValues(parts, (tensors: readonly Tensor[]) => tensors[index]!),
      );
  }
  return results;
}
