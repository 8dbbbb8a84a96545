import type { EncoderConfig } from './config';

/**
 * Multiply-adds of one block over a sequence: projections, scores and values, output and MLP.
 * @param wanted how many of the tokens it computes; it attends to all of them
 */
export const blockMacs = ({ hidden, intermediate }: EncoderConfig, tokens: number, wanted = tokens): number =>
  tokens * 2 * hidden ** 2 + wanted * (2 * hidden ** 2 + 2 * hidden * tokens + 2 * hidden * intermediate);

/**
 * Floating-point operations (2 per multiply-add) of the forward pass of one padded sequence through the blocks, the
 * last of which computes only the first token, and the classification head. Norms, activations and embedding lookups
 * are left out, as is usual.
 */
export function flopsPerSequence(config: EncoderConfig, tokens: number): number {
  const { hidden, layers, labels } = config;
  const blocks = (layers - 1) * blockMacs(config, tokens) + blockMacs(config, tokens, 1);
  return 2 * (blocks + hidden * (hidden + labels.length));
}

/** The same, with the head that predicts `masked` tokens of the sequence. */
export function flopsPerMaskedSequence(config: EncoderConfig, tokens: number, masked: number): number {
  const { hidden, layers, vocabulary } = config;
  return 2 * (layers * blockMacs(config, tokens) + masked * hidden * (hidden + vocabulary));
}
