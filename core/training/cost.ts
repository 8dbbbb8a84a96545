import { availableParallelism } from 'node:os';
import type { DecoderConfig } from '../models/decoder/config';
import { countParameters, flopsPerToken } from '../models/decoder/layout';
import type { EncoderConfig } from '../models/encoder/config';
import { flopsPerMaskedSequence } from '../models/encoder/cost';
import { countEncoderParameters } from '../models/encoder/layout';

/**
 * Share of a device's matrix multiplication speed that a training step reaches: the rest goes to norms, activations and
 * the optimizer. Measured on the benchmark's model: 0.9 on two threads of an Intel Xeon. Narrower models reach less.
 */
const TRAINING_EFFICIENCY = 0.8;
/** The same for the forward passes of evaluation. */
const EVALUATION_EFFICIENCY = 0.5;

/** Number of tokens that a model processes. */
interface Work {
  readonly trainTokens: number;
  readonly evaluateTokens: number;
}

/** Seconds that the given work on decoders takes on this machine's CPU. */
export const estimateSeconds = (
  work: readonly (Work & { readonly decoder: DecoderConfig })[],
  blockLength: number,
): Promise<number> =>
  secondsOf(work.map(({ decoder, ...tokens }) => ({ ...tokens, forward: flopsPerToken(decoder, blockLength / 2) })));

/**
 * Seconds that work on tokens takes on this machine's CPU: a training step (forward and backward) counts as three
 * forward passes.
 * @param work forward: floating-point operations of the forward pass of a token
 */
export async function secondsOf(work: readonly (Work & { readonly forward: number })[]): Promise<number> {
  const { measureFlops } = await import('../engine/throughput');
  const flops = await measureFlops({ provider: 'cpu', threads: availableParallelism() });
  return work.reduce((sum, { forward, trainTokens, evaluateTokens }) => {
    const training = (3 * forward * trainTokens) / (flops * TRAINING_EFFICIENCY);
    return sum + training + (forward * evaluateTokens) / (flops * EVALUATION_EFFICIENCY);
  }, 0);
}

/** The settings of a training that affect its cost. */
interface Recipe {
  /** Tokens per sequence. */
  readonly data: { readonly blockLength: number };
}

/** What training costs, for any model. */
export interface TrainingCost {
  readonly parameters: number;
  /** Floating-point operations of the forward pass of a token. */
  readonly forward: number;
}

export const decoderCost = (decoder: DecoderConfig, { data }: Recipe): TrainingCost => ({
  parameters: countParameters(decoder).total,
  forward: flopsPerToken(decoder, data.blockLength / 2),
});

export function encoderCost(
  encoder: EncoderConfig,
  { data, maskShare }: Recipe & { readonly maskShare: number },
): TrainingCost {
  const { blockLength } = data;
  const parameters = countEncoderParameters(encoder, 'masked');
  return {
    parameters,
    forward: flopsPerMaskedSequence(encoder, blockLength, maskShare * blockLength) / blockLength,
  };
}
