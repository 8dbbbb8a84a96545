import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';

// tf.js spreads the gradient of a sum by a product with an array of ones as large as what was summed. While a step is traced, that
// array would be made in main memory, whatever the size of the batch; `fill` is a node of the graph, and the numbers are the same.

/** Elements up to which the backend stores a constant as it is. */
export const SMALL = 64;

/** The gradient of a reduction at each element of x, before it is divided by a count. */
function spread(dy: Tensor, x: Tensor, axis: number | number[] | undefined): Tensor {
  const axes = tf.util.parseAxisParam(axis as number[], x.shape);
  const kept = x.shape.map((length, i) => (axes.includes(i) ? 1 : length));
  // Small ones are constants, which a product leaves out.
  return tf.mul(tf.reshape(dy, kept), x.size <= SMALL ? tf.ones(x.shape) : tf.fill(x.shape, 1));
}

tf.registerGradient({
  kernelName: 'Sum',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], { axis }) => ({ x: () => spread(dy as Tensor, x!, axis as number[] | undefined) }),
});

tf.registerGradient({
  kernelName: 'Mean',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], { axis }) => ({
    x: () => {
      const axes = tf.util.parseAxisParam(axis as number[], x!.shape);
      const count = axes.reduce((size, one) => size * x!.shape[one]!, 1);
      return tf.div(spread(dy as Tensor, x!, axes), count);
    },
  }),
});
