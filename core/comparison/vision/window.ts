import * as z from 'zod';
import { UserError } from '../../errors';
import { patchCount, type VitConfig } from '../../models/vit/config';
import type { Skip } from '../../models/vit/cost';

/** Tokens that skip some blocks, where that is a setting beside others (SkipViT). */
export const SkipWindow = z.strictObject({
  leave: z.int().positive().describe('Block (from 0) before which tokens leave.'),
  return: z.int().positive().describe('Block before which they come back.'),
  share: z.number().gt(0).lt(1).default(0.55).describe('Share of the patches that leave.'),
});

/** @throws UserError `vision.window` where the model has no such blocks */
export function skipOf({ leave, return: back, share }: z.infer<typeof SkipWindow>, config: VitConfig): Skip {
  if (leave >= back || back > config.layers)
    throw new UserError(
      'vision.window',
      `Tokens that leave before block ${leave} and come back before block ${back} do not fit ${config.layers} blocks.`,
      `skip: 1 ≤ leave < return ≤ ${config.layers}.`,
    );
  return { kind: 'skip', start: leave, end: back, kept: Math.max(1, Math.round((1 - share) * patchCount(config))) };
}
