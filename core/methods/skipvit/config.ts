import * as z from 'zod';
import { visionRecipe } from '../../comparison/vision/config';
import { SkipRange } from '../../comparison/vision/skip-range';

const Schedule = z.strictObject({
  kind: z
    .enum(['constant', 'cosine'])
    .default('constant')
    .describe(
      "How the share grows over the epochs: 'constant' is the full share from the first step; 'cosine' starts at zero.",
    ),
  startEpoch: z.number().min(0).default(0).describe('Epochs before the first token is skipped (cosine only).'),
  epochs: z
    .number()
    .positive()
    .default(10)
    .describe('Epochs over which the share grows to its full size (cosine only).'),
});

const Heatmap = z.strictObject({
  images: z
    .int()
    .min(0)
    .default(40)
    .describe('Held-out images that the token heatmap shows, evenly over the classes; 0 for no heatmap.'),
  every: z.number().positive().default(2).describe('Epochs between two frames of the heatmap.'),
});

export const SkipVitConfig = z.object({
  ...visionRecipe,
  skipRanges: z
    .array(SkipRange)
    .min(1)
    .default([{ start: 4, end: 8 }])
    .describe(
      "Ranges of blocks that tokens skip; a model is trained for each. The paper's range is not public: sweep it.",
    ),
  shares: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .default([0.55])
    .describe('Shares of the patches that are skipped, each combined with each skip range. The paper: 0.55.'),
  schedule: Schedule.prefault({}).describe('How the share grows over the epochs.'),
  whenUsed: z
    .boolean()
    .default(true)
    .describe('Whether tokens are skipped in evaluation and inference too, or in training only.'),
  controls: z
    .array(z.enum(['random', 'fuse']))
    .default(['random', 'fuse'])
    .describe(
      "Controls for each skip range, beside no skip at all: 'random' skips tokens chosen at random; 'fuse' merges the skipped tokens into one and never restores them (EViT).",
    ),
  attention: z
    .string()
    .min(1)
    .default('MHA')
    .describe('Kind of attention of all models: MHA, MQA, GQA-g, MKVA, GKVA-g, GQKVA-x.y, each also with +K=V.'),
  heatmap: Heatmap.prefault({}).describe('What the token heatmap shows.'),
});
export type SkipVitConfig = z.infer<typeof SkipVitConfig>;
