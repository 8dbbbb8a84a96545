import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * The loss, its gradients with respect to named parameters, and other results of the forward pass.
 * @param loss computes the scalar loss and auxiliary tensors from the parameters
 * @param scale of the gradients, a scalar; default: 1
 */
export function valueAndGradients<Names extends string, Aux extends Record<string, Tensor>>(
  parameters: Readonly<Record<Names, Tensor>>,
  loss: (parameters: Readonly<Record<Names, Tensor>>) => { loss: Tensor; aux: Aux },
  scale?: Tensor,
): { loss: Tensor; gradients: Record<Names, Tensor>; aux: Aux } {
  const names = Object.keys(parameters) as Names[];
  let aux: Aux | undefined;
  const { value, grads } = tf.valueAndGrads((...values: Tensor[]) => {
    const named = Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Names, Tensor>;
    const result = loss(named);
    // The tape disposes of everything but the loss; keep the rest until the step's own tidy ends.
    for (const tensor of Object.values(result.aux)) tf.keep(tensor);
    aux = result.aux;
    return result.loss as tf.Scalar;
  })(
    names.map((name) => parameters[name]),
    scale as tf.Scalar | undefined,
  );
  if (!aux) throw new Error('the loss was not computed');
  const gradients = Object.fromEntries(names.map((name, i) => [name, grads[i]])) as Record<Names, Tensor>;
  return { loss: value, gradients, aux };
}
