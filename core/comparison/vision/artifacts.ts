import * as z from 'zod';
import { sharedHeads } from '../../protocol/results';

/** A variant: the facts that are the same for all its seeds. */
export const variantRecord = z.object({
  name: z.string(),
  series: z.string(),
  role: z.enum(['baseline', 'member', 'control']),
  /** Kind of attention: `MHA`, `GQKVA-3.2`, … */
  attention: z.string(),
  /** Absent in runs of earlier versions. */
  heads: sharedHeads.optional(),
  parameters: z.number(),
  /** Floating-point operations of a forward pass of one image in inference. */
  flopsPerImage: z.number(),
  /** The same in training, with as many patches skipped as at the end of the schedule. */
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

/** What is the same for all trainings of a run. */
export const visionFacts = z.object({ epochs: z.number(), trainImages: z.number(), heldOutImages: z.number() });
export type VisionFacts = z.infer<typeof visionFacts>;

/** What one training came to. */
export const visionOutcome = z.object({
  steps: z.number(),
  /** On the held-out images: accuracy as a share, mean cross-entropy in nats. */
  accuracy: z.number(),
  loss: z.number(),
  /** Median over the steps, with everything else that this machine did; absent where nothing was measured. */
  trainImagesPerSecond: z.number().optional(),
  /** Share of the training time that was spent waiting for images. */
  waitingShare: z.number(),
  /** Folder in `checkpoints/`, where the model was kept. */
  checkpoint: z.string().optional(),
});
export type VisionOutcome = z.infer<typeof visionOutcome>;
