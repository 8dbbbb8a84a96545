import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { Named } from '../optimizer';
import { withGradient } from './custom';
import { fused, isTracing } from './fused';

let recomputes = false;

/** Computes something whose `recomputable` parts are recomputed in the backward pass, or not. Synchronous, as steps are. */
export function recomputing<T>(wanted: boolean, compute: () => T): T {
  const before = recomputes;
  recomputes = wanted;
  try {
    return compute();
  } finally {
    recomputes = before;
  }
}

/**
 * A part of a model, such as a block. Within `recomputing`, only its input is kept for the backward pass, which computes everything
 * else in it a second time (activation checkpointing; Chen et al., 2016); otherwise it is computed as usual. The results are the
 * same.
 * @param x its input
 * @param parameters of the whole model
 * @param prefix of the names of its own parameters
 * @param compute a pure function of its input and its own parameters; other tensors that it uses get no gradient
 */
export function recomputable(
  x: Tensor,
  parameters: Named<Tensor>,
  prefix: string,
  compute: (x: Tensor, parameters: Named<Tensor>) => Tensor,
): Tensor {
  if (!recomputes) return compute(x, parameters);
  const names = Object.keys(parameters).filter((name) => name.startsWith(prefix));
  const run = ([input, ...values]: readonly Tensor[]) =>
    compute(input!, Object.fromEntries(names.map((name, i) => [name, values[i]!])));
  return withGradient<Tensor[], Tensor[]>(
    [x, ...names.map((name) => parameters[name]!)],
    (...inputs) => ({ value: run(inputs), saved: inputs }),
    (dy, [kept, ...values]) => {
      const [dx, ...others] = gradients(run, [after(kept!, [dy]), ...values], dy);
      // Otherwise the gradients of earlier parts may be computed before those of these parameters, and what was recomputed for
      // them is kept until then.
      return [after(dx!, others), ...others];
    },
  );
}

/** The gradients of a function inside the backward pass of another, whose record of operators tf.js would lose. */
function gradients(run: (inputs: readonly Tensor[]) => Tensor, inputs: Tensor[], dy: Tensor): Tensor[] {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    const { grads } = tf.engine().gradients(() => run(inputs), inputs, dy, true);
    // What the function does not use has no gradient.
    return inputs.map((input, i) => grads[i] ?? tf.zerosLike(input));
  } finally {
    state.activeTape = activeTape;
  }
}

/**
 * The same tensor, but not before others (float32) are known. In a graph, what is computed from it is neither merged with the same
 * operators on the tensor itself, nor computed before the others are.
 */
const after = (x: Tensor, known: readonly Tensor[]): Tensor =>
  isTracing() && known.length > 0 ? fused('After', { x, ...Object.fromEntries(known.entries()) }) : x;
