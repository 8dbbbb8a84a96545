import * as z from 'zod';

/** The times of one variant, measured in turns with the baseline. */
export const variantTimes = z.object({
  variant: z.string(),
  batchSize: z.number(),
  rounds: z.number(),
  /** Medians of a training step and of a forward pass, seconds per image. */
  trainSecondsPerImage: z.number(),
  inferenceSecondsPerImage: z.number(),
  /** Median over the rounds of the baseline's time divided by the variant's, minus one. */
  trainGain: z.number(),
  inferenceGain: z.number(),
  /** Peak resident memory that training added to its process, in bytes. */
  memoryBytes: z.number(),
});
export type VariantTimes = z.infer<typeof variantTimes>;

/** `trials/speed.json`, in the order of measurement. */
export const speedFile = z.object({ version: z.literal(1), times: z.array(variantTimes) });
export const SPEED = 'speed';
