import { patchCount, prefixTokens, type VitConfig } from './config';

/** Tokens that leave for some blocks and come back (SkipViT). */
export interface SkipWindow {
  /** First block that runs without them. */
  readonly start: number;
  /** First block that runs with them again. */
  readonly end: number;
  /** Patches that stay. */
  readonly kept: number;
}

/** Multiply-adds of one block over so many tokens: projections, scores and values, output and MLP. */
export function blockMacs({ hidden, intermediate, grouping, headDim }: VitConfig, tokens: number): number {
  const { heads, queryHeads, kvHeads, sharedKeyValue } = grouping;
  const projections = hidden * headDim * (queryHeads + kvHeads * (sharedKeyValue ? 1 : 2));
  const attention = 2 * heads * headDim * tokens;
  const output = heads * headDim * hidden;
  return tokens * (projections + attention + output + 2 * hidden * intermediate);
}

/**
 * Floating-point operations (2 per multiply-add) of the forward pass of one image. Norms, activations and the choice of
 * tokens are left out, as is usual.
 */
export function flopsPerImage(config: VitConfig, skip?: SkipWindow): number {
  const { hidden, channels, patchSize, layers, labels } = config;
  const patches = patchCount(config);
  const prefix = prefixTokens(config);
  let macs = patches * hidden * channels * patchSize ** 2 + hidden * labels.length;
  for (let layer = 0; layer < layers; layer++) {
    const inside = skip !== undefined && layer >= skip.start && layer < skip.end;
    macs += blockMacs(config, prefix + (inside ? skip.kept : patches));
  }
  return 2 * macs;
}
