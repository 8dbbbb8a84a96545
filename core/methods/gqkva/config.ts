import * as z from 'zod';
import { visionRecipe } from '../../comparison/vision/config';
import { TokenSkip } from '../../comparison/vision/skip-range';

export const GqkvaConfig = z.object({
  ...visionRecipe,
  variants: z
    .array(z.string().min(1))
    .min(1)
    .default(['MHA', 'GKVA-3', 'MKVA', 'GQA-3', 'MQA', 'GQKVA-2.3', 'GQKVA-3.2'])
    .describe(
      'Kinds of attention to train: MHA, MQA, GQA-g, MKVA, GKVA-g, GQKVA-x.y (query heads . key-value heads), each also with +K=V. The first is the baseline.',
    ),
  skip: TokenSkip.optional().describe('Token skipping in all models (SkipViT). Default: none.'),
});
export type GqkvaConfig = z.infer<typeof GqkvaConfig>;
