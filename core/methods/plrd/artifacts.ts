import * as z from 'zod';

/** What is the same for all models of a run. */
export const familyFacts = z.object({ blockLength: z.number() });
export type FamilyFacts = z.infer<typeof familyFacts>;

/** What a trial came to: the parent, a member of the family, or a control, evaluated. */
export const madeModel = z.object({
  /** `parent`, `member-1-75pct`, `truncation-75pct`, … */
  name: z.string(),
  kind: z.enum(['parent', 'member', 'truncation', 'one-shot']),
  /** Share of the parent's decomposable parameters that the schedule asked for; 1 for the parent. */
  targetRatio: z.number(),
  /** All parameters, and those of the linear layers of the blocks. */
  parameters: z.number(),
  linearParameters: z.number(),
  /** Rank of each factored layer by name. */
  ranks: z.record(z.string(), z.number()),
  /** Root mean square over the layers of ‖W − W'‖ / ‖W‖ at the last decomposition, before any training. */
  truncationError: z.number(),
  /** Training tokens since the parent. */
  trainedTokens: z.number(),
  /** Held-out text: mean nats per token, its exponential, bits per byte, share of tokens predicted. */
  loss: z.number(),
  perplexity: z.number(),
  bitsPerByte: z.number(),
  accuracy: z.number(),
  /** Perplexity right after the decomposition, before training. */
  perplexityBeforeTraining: z.number().optional(),
  /** Accuracy of each multiple-choice task by name, and the same normalized by length. */
  tasks: z.record(
    z.string(),
    z.object({ accuracy: z.number(), accuracyNormalised: z.number(), questions: z.number() }),
  ),
  /** Forward pass at the block length, floating-point operations per token. */
  flopsPerToken: z.number(),
  /** Measured on the run's device; absent where it was not measured. */
  trainTokensPerSecond: z.number().optional(),
  generateTokensPerSecond: z.number().optional(),
  /** Folder in `checkpoints/`, where the model was kept. */
  checkpoint: z.string().optional(),
});
export type MadeModel = z.infer<typeof madeModel>;
