import * as z from 'zod';
import { sharedHeads } from '../../protocol/results';

/** The facts of a variant that are the same for all seeds. */
export const variantRecord = z.object({
  name: z.string(),
  series: z.string(),
  role: z.enum(['baseline', 'member', 'control']),
  /** Kind of attention: `MHA`, `GQKVA-3.2`, … */
  attention: z.string(),
  /** Absent in runs of earlier versions. */
  heads: sharedHeads.optional(),
  parameters: z.number(),
  /** FLOPs of a forward pass for one image in inference. */
  flopsPerImage: z.number(),
  /** The same in training, with the number of patches skipped at the end of the schedule. */
  trainingFlopsPerImage: z.number(),
  skip: z
    .object({
      kind: z.enum(['skip', 'random', 'fuse']),
      start: z.number(),
      end: z.number(),
      kept: z.number(),
      patches: z.number(),
      /** Whether inference skips patches too. */
      whenUsed: z.boolean(),
    })
    .optional(),
});
export type VariantRecord = z.infer<typeof variantRecord>;

/** Facts shared by all trainings of a run. */
export const visionFacts = z.object({ epochs: z.number(), trainImages: z.number(), heldOutImages: z.number() });
export type VisionFacts = z.infer<typeof visionFacts>;

/** The result of one training. */
export const visionOutcome = z.object({
  steps: z.number(),
  /** On the held-out images: accuracy as a fraction, mean cross-entropy in nats. */
  accuracy: z.number(),
  loss: z.number(),
  /** Median over the steps, affected by other load on this machine; absent if not measured. */
  trainImagesPerSecond: z.number().optional(),
  /** Fraction of the training time spent waiting for images. */
  waitingShare: z.number(),
  /** Folder in `checkpoints/`, if the model was kept. */
  checkpoint: z.string().optional(),
});
export type VisionOutcome = z.infer<typeof visionOutcome>;
