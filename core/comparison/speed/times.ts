import * as z from 'zod';

/** What the clock said of one variant, in turns with the baseline. */
export const variantTimes = z.object({
  variant: z.string(),
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
});
export type VariantTimes = z.infer<typeof variantTimes>;

/** `trials/speed.json`, in the order in which they were timed. */
export const speedFile = z.object({ version: z.literal(1), times: z.array(variantTimes) });
export const SPEED = 'speed';
