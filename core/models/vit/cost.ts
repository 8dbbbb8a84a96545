import { patchCount, prefixTokens, type VitConfig } from './config';

/** What happens to the tokens that are skipped. */
export type SkipKind =
  /** They return unchanged after the skip range (SkipViT, arXiv 2401.15293). */
  | 'skip'
  /** The same, but for randomly chosen tokens (the control). */
  | 'random'
  /** They never return; one token, their mean weighted by their scores, takes their place (EViT). */
  | 'fuse';

/** Tokens that skip some blocks. */
export interface Skip {
  readonly kind: SkipKind;
  /** First block that skipped tokens do not go through. */
  readonly start: number;
  /** First block that skipped tokens go through again; ignored by 'fuse'. */
  readonly end: number;
  /** Number of patches that are not skipped. */
  readonly kept: number;
}

/** Tokens that a block computes on. */
export function tokensAt(config: VitConfig, layer: number, skip?: Skip): number {
  const prefix = prefixTokens(config);
  if (!skip || layer < skip.start) return prefix + patchCount(config);
  if (skip.kind === 'fuse') return prefix + skip.kept + 1;
  return prefix + (layer < skip.end ? skip.kept : patchCount(config));
}

/** Multiply-adds of one block over this number of tokens: projections, scores and values, output and MLP. */
export function blockMacs({ hidden, intermediate, grouping, headDim }: VitConfig, tokens: number): number {
  const { heads, queryHeads, kvHeads, sharedKeyValue } = grouping;
  const projections = hidden * headDim * (queryHeads + kvHeads * (sharedKeyValue ? 1 : 2));
  const attention = 2 * heads * headDim * tokens;
  const output = heads * headDim * hidden;
  return tokens * (projections + attention + output + 2 * hidden * intermediate);
}

/**
 * Floating-point operations (2 per multiply-add) of the forward pass of one image. Norms, activations and the token
 * selection are left out, as is usual.
 */
export function flopsPerImage(config: VitConfig, skip?: Skip): number {
  const { hidden, channels, patchSize, layers, labels } = config;
  const patches = patchCount(config);
  let macs = patches * hidden * channels * patchSize ** 2 + hidden * labels.length;
  for (let layer = 0; layer < layers; layer++) macs += blockMacs(config, tokensAt(config, layer, skip));
  return 2 * macs;
}
