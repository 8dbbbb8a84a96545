import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../../errors';
import type { FormerKeys } from '../../experiments/spec/former-keys';
import { patchCount, type VitConfig } from '../../models/vit/config';
import type { Skip } from '../../models/vit/cost';

/** The blocks that tokens skip: those from `start` up to, not including, `end`. */
export const SkipRange = z.strictObject({
  start: z
    .int()
    .positive()
    .describe(
      'First block (from 0) that runs without the skipped tokens. The block before it scores the tokens, so 1 is the least.',
    ),
  end: z
    .int()
    .positive()
    .describe('First block that runs with all tokens again; the number of blocks to skip up to the end.'),
});
export type SkipRange = z.infer<typeof SkipRange>;

/** Token skipping where it is a setting beside others (SkipViT). */
export const TokenSkip = SkipRange.extend({
  share: z.number().gt(0).lt(1).default(0.55).describe('Share of the patches that are skipped.'),
});

/** What the settings of a range were called, at a place of a spec. */
export const formerRange = (place: string): FormerKeys => ({ [`${place}.leave`]: 'start', [`${place}.return`]: 'end' });

/** Patches that are computed on in the range: at least one. */
export const keptPatches = (config: VitConfig, share: number): number =>
  Math.max(1, Math.round((1 - share) * patchCount(config)));

export const fits = ({ start, end }: SkipRange, { layers }: VitConfig): boolean => start < end && end <= layers;

/** @throws UserError `vision.window` where the model has no such blocks */
export function skipOf({ share, ...range }: z.infer<typeof TokenSkip>, config: VitConfig): Skip {
  const { start, end } = range;
  if (!fits(range, config))
    throw new UserError(
      'vision.window',
      l10n.t`The skip range from block ${start} to block ${end} does not fit a model of ${config.layers} blocks.`,
      l10n.t`skip: 1 ≤ start < end ≤ ${config.layers}.`,
    );
  return { kind: 'skip', start, end, kept: keptPatches(config, share) };
}

/** The second third of the blocks, as the usual range is of the twelve of a ViT-small. @throws UserError `vision.window` */
export function usualRange({ layers }: VitConfig): SkipRange {
  if (layers < 2)
    throw new UserError(
      'vision.window',
      l10n.t('The model has only one block, so tokens cannot skip one and return.'),
      l10n.t('Choose a model with more blocks.'),
    );
  const start = Math.max(1, Math.round(layers / 3));
  return { start, end: Math.max(start + 1, Math.round((2 * layers) / 3)) };
}
