import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';

/** Keeps tensors alive until the backward pass. */
type Save = (tensors: Tensor[]) => void;

/** Computes a tensor without recording it for the gradient, which does not flow through it. */
export const withoutGradient = (compute: () => Tensor): Tensor =>
  // Nothing inside an operator with a gradient of its own is recorded, and this one depends on a constant only.
  withGradient<[Tensor], []>(
    [tf.scalar(0)],
    () => ({ value: compute(), saved: [] }),
    () => [tf.scalar(0)],
  );

/**
 * An operator with a hand-written gradient.
 * @param forward computes the value, and returns it with the tensors that the backward pass needs
 * @param backward computes the gradient of each input, in order, from the gradient of the value and those tensors
 */
export function withGradient<Inputs extends Tensor[], Saved extends Tensor[]>(
  inputs: [...Inputs],
  forward: (...inputs: Inputs) => { value: Tensor; saved: [...Saved] },
  backward: (dy: Tensor, saved: Saved) => { [K in keyof Inputs]: Tensor },
): Tensor {
  return tf.customGrad((...given) => {
    // tf.customGrad appends `save` to the inputs.
    const save = given[given.length - 1] as Save;
    const { value, saved } = forward(...(given.slice(0, -1) as Inputs));
    save(saved);
    return { value, gradFunc: (dy: Tensor, kept: Tensor[]) => backward(dy, kept as Saved) };
  })(...inputs);
}
