import type * as ort from 'onnxruntime-node';
import { NO_TENSOR } from '../onnx/graph';

/** What onnxruntime-node says where it is to hand over an output that is no tensor. */
const CANNOT_HAND_OVER = 'Non tensor type is temporarily not supported.';

/**
 * Runs a graph that was built with `noTensorFirst`, and has its outputs written into memory of ours.
 *
 * onnxruntime-node writes them there, but then copies each once more into memory that it has just got from the system, for
 * the tensors that it returns: all weights and moments for a training step, a quarter of its time. It does so after the
 * run, in the order of the outputs, and gives up at one that it cannot hand over. As such a one is the first here, nothing
 * is copied, and all outputs lie where they were asked for. (A version that neither copies nor gives up is as good.)
 * @param outputs all of the graph's, in the shapes that it gives them
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
