import * as z from 'zod';
import { nestedFacts } from '../../protocol/nested';

/** Facts shared by all models of a run. */
export const familyFacts = z.object({
  blockLength: z.number(),
  /** What controls have in common with the family: see the setting. */
  match: z.enum(['cost', 'tokens', 'seen']).default('seen'),
});
export type FamilyFacts = z.infer<typeof familyFacts>;

const taskScore = z.preprocess(
  // Runs of earlier versions have the British spelling.
  (value) =>
    typeof value === 'object' && value !== null && 'accuracyNormalised' in value
      ? { accuracyNormalized: value.accuracyNormalised, ...value }
      : value,
  z.object({ accuracy: z.number(), accuracyNormalized: z.number(), questions: z.number() }),
);

/** The result of a trial: the evaluated parent, a member of the family, or a control. */
export const madeModel = z.object({
  /** `parent`, `nested-75pct`, `member-1-75pct`, `truncation-75pct`, …; without the seed. */
  name: z.string(),
  kind: z.enum(['parent', 'nested', 'member', 'truncation', 'separate', 'one-shot']),
  /** Fraction of the parent's decomposable parameters that the schedule asked for; 1 for the parent. */
  targetRatio: z.number(),
  /** Total parameters, and those in the linear layers of the blocks. */
  parameters: z.number(),
  linearParameters: z.number(),
  /** Rank of each factored layer, by name. */
  ranks: z.record(z.string(), z.number()),
  /** Root mean square over the layers of ‖W − W'‖ / ‖W‖ at the last decomposition, before training. */
  truncationError: z.number().optional(),
  /** The training text on which the model was run to choose its ranks or its factors: blocks drawn with a seed. */
  calibration: z.object({ blocks: z.number(), tokens: z.number(), seed: z.number() }).optional(),
  /** Training tokens since the parent, in total; for a size of a nested model, those of the whole model. */
  trainedTokens: z.number(),
  /** Operations of that training, the teacher's included, FLOP; absent in older runs. */
  trainingFlops: z.number().optional(),
  /** The sizes of a nested model, which is the largest. */
  sizes: nestedFacts.optional(),
  /** On held-out text: mean nats per token, its exponential, bits per byte, fraction of tokens predicted correctly. */
  loss: z.number(),
  perplexity: z.number(),
  bitsPerByte: z.number(),
  accuracy: z.number(),
  /** Perplexity right after the decomposition, before training. */
  perplexityBeforeTraining: z.number().optional(),
  /** Accuracy of each multiple-choice task by name, plain and normalized by length. */
  tasks: z.record(z.string(), taskScore),
  /** FLOPs per token of the forward pass at the block length. */
  flopsPerToken: z.number(),
  /** Measured on the run's device; absent if not measured. */
  trainTokensPerSecond: z.number().optional(),
  generateTokensPerSecond: z.number().optional(),
  /** Folder in `checkpoints/`, if the model was kept. */
  checkpoint: z.string().optional(),
});
export type MadeModel = z.infer<typeof madeModel>;
