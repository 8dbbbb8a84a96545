import type * as ort from 'onnxruntime-node';
import { NO_TENSOR } from '../onnx/graph';

/** The error of onnxruntime-node for an output that is not a tensor. */
const CANNOT_HAND_OVER = 'Non tensor type is temporarily not supported.';

/**
 * Runs a graph that was built with `noTensorFirst`, and has its outputs written into our buffers.
 *
 * onnxruntime-node writes them there, but then copies each one again into newly allocated memory, for the tensors that
 * it returns: all weights and moments of a training step, a quarter of its time. It does so after the run, in the order
 * of the outputs, and throws at the first one that it cannot convert. Because that is the very first output here,
 * nothing is copied, and all outputs are where they were requested. (A version that neither copies nor throws works as
 * well.)
 * @param outputs all outputs of the graph, in the shapes that it gives them
 */
export async function runInto(
  session: ort.InferenceSession,
  feeds: Readonly<Record<string, ort.Tensor>>,
  outputs: Readonly<Record<string, ort.Tensor>>,
): Promise<void> {
  try {
    await session.run(feeds, { [NO_TENSOR]: null, ...outputs });
  } catch (error) {
    if (!(error instanceof Error && error.message === CANNOT_HAND_OVER)) throw error;
  }
}
