import * as z from 'zod';
import type { AdamWSettings } from '../engine/optimizer';

/** How a model is trained: the `training` part of every spec that trains one. */
export const TrainingConfig = z.strictObject({
  batchSize: z.int().positive().default(16).describe('Sequences (or samples) per step and micro-batch.'),
  accumulate: z
    .int()
    .positive()
    .default(1)
    .describe('Micro-batches whose gradients are summed before a step: a larger batch in the same memory.'),
  checkpointActivations: z
    .boolean()
    .default(false)
    .describe(
      'Recompute each block in the backward pass instead of keeping what it computed: less memory, about a third more time, the same result.',
    ),
  learningRate: z.number().positive().default(1e-3).describe('Peak learning rate of AdamW.'),
  warmup: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('Share of the steps over which the learning rate rises to its peak.'),
  floor: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Learning rate at the end of the cosine, as a share of the peak.'),
  weightDecay: z
    .number()
    .min(0)
    .default(0.1)
    .describe('Decoupled weight decay of matrices; norms and biases have none.'),
  beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the first moment.'),
  beta2: z.number().min(0).lt(1).default(0.95).describe('Decay of the second moment.'),
  maxGradientNorm: z
    .number()
    .min(0)
    .default(1)
    .describe('Gradients are scaled down to this global norm; 0 turns that off.'),
  averageDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      'Decay of a moving average of the weights, which is evaluated and saved instead of the last weights; 0 for none. 0.999 averages over the last thousand steps.',
    ),
  checkpointSeconds: z
    .number()
    .positive()
    .default(60)
    .describe('Seconds of training between checkpoints to resume from.'),
});
export type TrainingConfig = z.infer<typeof TrainingConfig>;

/** Small enough to matter only for parameters that have had no gradient yet. */
const EPSILON = 1e-8;

export const adamWSettings = (config: TrainingConfig): AdamWSettings => ({
  beta1: config.beta1,
  beta2: config.beta2,
  epsilon: EPSILON,
  weightDecay: config.weightDecay,
  maxGradientNorm: config.maxGradientNorm,
});

/**
 * Disk space per parameter during a run, in bytes: float32 weights and two moments, in the last checkpoint and the one
 * before.
 */
export const RESUMABLE_BYTES = 2 * 3 * 4;
