import * as z from 'zod';
import type { ArtifactKind } from '../../experiments/artifact-kinds';

/** One of the models that a run compares, with what is the same for all its seeds. */
export const contenderRecord = z.object({
  name: z.string(),
  series: z.string(),
  role: z.enum(['baseline', 'member', 'control']),
  /** Kind of attention: `MHA`, `GQKVA-3.2`, … */
  attention: z.string(),
  heads: z.object({
    grouping: z.object({
      heads: z.number(),
      queryHeads: z.number(),
      kvHeads: z.number(),
      sharedKeyValue: z.boolean(),
    }),
    headDim: z.number(),
    hidden: z.number(),
    layers: z.number(),
  }),
  parameters: z.number(),
  /** Forward pass of one image as the model is used, floating-point operations. */
  flopsPerImage: z.number(),
  /** The same as it is trained, with what leaves at the end of the schedule. */
  trainingFlopsPerImage: z.number(),
  skip: z
    .object({
      kind: z.enum(['skip', 'random', 'fuse']),
      start: z.number(),
      end: z.number(),
      kept: z.number(),
      patches: z.number(),
      /** Whether patches leave also when the model is used. */
      whenUsed: z.boolean(),
    })
    .optional(),
  /** Measured in turns with the baseline; absent until then. */
  speed: z
    .object({
      batchSize: z.number(),
      rounds: z.number(),
      /** Medians of a training step and of a forward pass, seconds per image. */
      trainSecondsPerImage: z.number(),
      inferenceSecondsPerImage: z.number(),
      /** Median over the rounds of the baseline's time by its own, minus one. */
      trainGain: z.number(),
      inferenceGain: z.number(),
      /** Largest resident memory that training added to its process, bytes. */
      memoryBytes: z.number(),
    })
    .optional(),
});
export type ContenderRecord = z.infer<typeof contenderRecord>;

/** One training of one of them. */
export const trialRecord = z.object({
  contender: z.string(),
  seed: z.number(),
  steps: z.number(),
  /** Held-out images: share that is right, mean cross-entropy in nats. */
  accuracy: z.number(),
  loss: z.number(),
  /** Median over the steps, with everything else that this machine did; absent where nothing was measured. */
  trainImagesPerSecond: z.number().optional(),
  /** Share of the training time that was spent waiting for images. */
  waitingShare: z.number(),
  /** Folder in `checkpoints/`, where the model was kept. */
  checkpoint: z.string().optional(),
});
export type TrialRecord = z.infer<typeof trialRecord>;

/** `artifacts/tradeoff.json` of the methods that compare vision transformers. */
export const comparison = z.object({
  version: z.literal(1),
  kind: z.literal('vision'),
  epochs: z.number(),
  trainImages: z.number(),
  heldOutImages: z.number(),
  contenders: z.array(contenderRecord),
  /** In the order in which they ended. */
  trials: z.array(trialRecord),
});
export type Comparison = z.infer<typeof comparison>;

export const COMPARISON_FILE = 'tradeoff.json';
export const COMPARISON: ArtifactKind = { kind: 'tradeoff', files: COMPARISON_FILE };
