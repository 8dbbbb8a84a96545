import * as z from 'zod';

/** A held-out image of the heatmap. */
const heatmapImage = z.object({
  name: z.string(),
  /** Index of its class. */
  label: z.number(),
  /** The image as the model sees it, before normalization, as a data URL. */
  picture: z.string(),
});

/** A snapshot during the training of a model: which patches are skipped, and what is predicted. */
export const heatmapFrame = z.object({
  epoch: z.number(),
  step: z.number(),
  /** Accuracy on all held-out images at this step. */
  accuracy: z.number(),
  /** Predicted class of each image of the heatmap. */
  predicted: z.array(z.number()),
  /** Attention of CLS to each patch: uint16 as share of 65535, [images, patches], little-endian, base64. */
  scores: z.string(),
  /** 1 if a patch is kept: uint8 [images, patches], base64. */
  kept: z.string(),
  /** Share of the held-out images in which each patch is skipped. */
  dropped: z.array(z.number()),
  /** The same per class: [classes, patches]. */
  droppedByClass: z.array(z.array(z.number())),
});
export type HeatmapFrame = z.infer<typeof heatmapFrame>;

/** `artifacts/token-heatmap-<model>.json`: which tokens a model skips, over the course of its training. */
export const tokenHeatmap = z.object({
  version: z.literal(1),
  /** The model's name in the run's comparison. */
  model: z.string(),
  seed: z.number(),
  kind: z.enum(['skip', 'random', 'fuse']),
  /** Blocks from `start` up to (not including) `end` run without the skipped tokens. */
  start: z.number(),
  end: z.number(),
  keptPatches: z.number(),
  /** Patches per side. */
  grid: z.number(),
  /** Height and width of the images, pixels. */
  side: z.number(),
  classes: z.array(z.string()),
  images: z.array(heatmapImage),
  /** Number of held-out images that the shares refer to. */
  heldOutImages: z.number(),
  /** In the order of the steps. */
  frames: z.array(heatmapFrame),
});
export type TokenHeatmap = z.infer<typeof tokenHeatmap>;

/** The file's name in `artifacts/`. */
export const heatmapFile = (model: string): string => `token-heatmap-${model}.json`;

/** Its name in runs made by earlier versions. */
export const formerHeatmapFile = (model: string): string => `tokens-${model}.json`;
