import * as z from 'zod';
import { visionRecipe } from '../../comparison/vision/config';

const Window = z.strictObject({
  leave: z
    .int()
    .positive()
    .describe(
      'Block (from 0) before which tokens leave; the block before it gives their scores, so the first possible is 1.',
    ),
  return: z.int().positive().describe('Block before which they come back; the number of blocks for never.'),
});

const Schedule = z.strictObject({
  kind: z
    .enum(['constant', 'cosine'])
    .default('constant')
    .describe("How the share grows over the epochs: 'constant' from the first step, or from nothing by a 'cosine'."),
  startEpoch: z.number().min(0).default(0).describe('Epochs before which no token leaves (cosine only).'),
  epochs: z
    .number()
    .positive()
    .default(10)
    .describe('Epochs over which the share grows to its full size (cosine only).'),
});

const TokenMap = z.strictObject({
  images: z
    .int()
    .min(0)
    .default(40)
    .describe('Held-out images whose tokens the heatmap shows, evenly over the classes; 0 for no heatmap.'),
  every: z.number().positive().default(2).describe('Epochs between two pictures of them.'),
});

export const SkipVitConfig = z.object({
  ...visionRecipe,
  windows: z
    .array(Window)
    .min(1)
    .default([{ leave: 4, return: 8 }])
    .describe("The blocks that tokens skip; each window is trained. The paper's window is not public: sweep it."),
  shares: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .default([0.55])
    .describe('Shares of the patches that leave, each with each window. The paper: 0.55.'),
  schedule: Schedule.prefault({}).describe('How the share grows over the epochs.'),
  whenUsed: z
    .boolean()
    .default(true)
    .describe('Whether tokens leave also when the model is judged and used, or in training only.'),
  controls: z
    .array(z.enum(['random', 'fuse']))
    .default(['random', 'fuse'])
    .describe(
      "What each window is held against, beside no skip at all: 'random', chance decides who leaves; 'fuse', those who leave become one token and never return (EViT).",
    ),
  attention: z
    .string()
    .min(1)
    .default('MHA')
    .describe('Kind of attention of all models: MHA, MQA, GQA-g, MKVA, GKVA-g, GQKVA-x.y, each also with +K=V.'),
  map: TokenMap.prefault({}).describe('What the token-drop heatmap shows.'),
});
export type SkipVitConfig = z.infer<typeof SkipVitConfig>;
