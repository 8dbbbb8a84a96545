import { availableParallelism } from 'node:os';
import type { DecoderConfig } from '../../models/decoder/config';
import { countParameters, flopsPerToken } from '../../models/decoder/layout';
import type { TrainingConfig } from '../../training/config';

/**
 * Share of a device's matrix speed that a training step reaches: the rest goes to norms, activations and the optimizer.
 * Measured on the model of the bench.
 */
const TRAINING_EFFICIENCY = 0.5;
/** Forward passes of evaluation reach about the same. */
const EVALUATION_EFFICIENCY = 0.5;

/** Seconds that work on tokens takes on this machine's CPU: training counts three forward passes (forward and backward). */
export async function estimateSeconds(
  work: readonly { decoder: DecoderConfig; trainTokens: number; evaluateTokens: number }[],
  blockLength: number,
): Promise<number> {
  const { measureFlops } = await import('../../engine/throughput');
  const flops = await measureFlops({ provider: 'cpu', threads: availableParallelism() });
  return work.reduce((sum, { decoder, trainTokens, evaluateTokens }) => {
    const forward = flopsPerToken(decoder, blockLength / 2);
    const training = (3 * forward * trainTokens) / (flops * TRAINING_EFFICIENCY);
    return sum + training + (forward * evaluateTokens) / (flops * EVALUATION_EFFICIENCY);
  }, 0);
}

/**
 * Bytes that training holds at once: parameters and two moments in two sets of buffers each, the gradients, and the
 * activations that the backward pass needs.
 */
export function trainingMemory(decoder: DecoderConfig, training: TrainingConfig, blockLength: number): number {
  const { total } = countParameters(decoder);
  const rows = training.batchSize * blockLength;
  const perLayer = 8 * decoder.hidden + 6 * decoder.intermediate + 2 * decoder.grouping.heads * blockLength;
  const activations = rows * (decoder.layers * perLayer + 3 * decoder.vocabulary);
  return 4 * (7 * total + activations);
}
