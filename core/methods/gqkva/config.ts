import * as z from 'zod';
import { visionRecipe } from '../vision/config';

const Skip = z.strictObject({
  leave: z.int().positive().describe('Block (from 0) before which tokens leave.'),
  return: z.int().positive().describe('Block before which they come back.'),
  share: z.number().gt(0).lt(1).default(0.55).describe('Share of the patches that leave.'),
});

export const GqkvaConfig = z.object({
  ...visionRecipe,
  variants: z
    .array(z.string().min(1))
    .min(1)
    .default(['MHA', 'GKVA-3', 'MKVA', 'GQA-3', 'MQA', 'GQKVA-2.3', 'GQKVA-3.2'])
    .describe(
      'Kinds of attention to train: MHA, MQA, GQA-g, MKVA, GKVA-g, GQKVA-x.y (query heads . key-value heads), each also with +K=V. The first is what the others are held against.',
    ),
  skip: Skip.optional().describe('Tokens that skip some blocks in all of them (SkipViT); none without it.'),
});
export type GqkvaConfig = z.infer<typeof GqkvaConfig>;
