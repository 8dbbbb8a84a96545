import type { EncoderConfig } from './config';

/** Multiply-adds of one block over a sequence: projections, scores and values, output and MLP. */
export const blockMacs = ({ hidden, intermediate }: EncoderConfig, tokens: number): number =>
  tokens * (4 * hidden ** 2 + 2 * hidden * tokens + 2 * hidden * intermediate);

/**
 * Floating-point operations (2 per multiply-add) of the forward pass of one padded sequence through the blocks and the
 * head that classifies it. Norms, activations and the look-up of embeddings are left out, as is usual.
 */
export function flopsPerSequence(config: EncoderConfig, tokens: number): number {
  const { hidden, layers, labels } = config;
  return 2 * (layers * blockMacs(config, tokens) + hidden * (hidden + labels.length));
}

/**
 * The same with the head that predicts `masked` tokens of the sequence.
 */
export function flopsPerMaskedSequence(config: EncoderConfig, tokens: number, masked: number): number {
  const { hidden, layers, vocabulary } = config;
  return 2 * (layers * blockMacs(config, tokens) + masked * hidden * (hidden + vocabulary));
}
