import { DATA_KINDS, SCORES } from '../../protocol/importance';
import * as z from 'zod';
import type { ArtifactKind } from '../../experiments/artifact-kinds';

/** An evaluation, with the cost of training up to it. */
export const curvePoint = z.object({
  /** Epochs done. */
  epoch: z.number(),
  step: z.number(),
  /** Samples trained on, and samples only scored, since the beginning. */
  trained: z.number(),
  scored: z.number(),
  /** Both as samples trained on: scoring, a forward pass alone, counts a third. */
  work: z.number(),
  /** Training and scoring together, without evaluations and checkpoints. */
  seconds: z.number(),
  metrics: z.record(z.string(), z.number()),
});
export type CurvePoint = z.infer<typeof curvePoint>;

/** One of the ways to choose samples that a run compares, as tables show it. */
export const variantRecord = z.object({
  name: z.string(),
  series: z.string(),
  role: z.enum(['baseline', 'member', 'control']),
  /** In one sentence, for people. */
  description: z.string(),
  /** Share of the samples that is kept; 1 for all. */
  keep: z.number(),
  epochs: z.number(),
});
export type VariantRecord = z.infer<typeof variantRecord>;

/** What one training came to. */
export const selectionOutcome = z.object({
  steps: z.number(),
  curve: z.array(curvePoint).min(1),
  /** Share of the time of training that was spent waiting for batches. */
  waitingShare: z.number(),
  /** Folder in `checkpoints/`, where the model was kept. */
  checkpoint: z.string().optional(),
});
export type SelectionOutcome = z.infer<typeof selectionOutcome>;

/** What is the same for all trainings of a run. */
export const selectionFacts = z.object({
  /** The primary metric: one of the curves, of which more is better. */
  metric: z.string(),
  data: z.enum(DATA_KINDS),
  parameters: z.number(),
  /** Forward pass of one sample, on average. */
  flopsPerSample: z.number(),
  trainSamples: z.number(),
  heldOutSamples: z.number(),
});
export type SelectionFacts = z.infer<typeof selectionFacts>;

/** What was chosen at one point of a training. */
export const importancePass = z.object({
  /** Epochs done before the choice. */
  epoch: z.number(),
  /** The lowest score that was kept; null where they were drawn. */
  threshold: z.number().nullable(),
  kept: z.number(),
  /** Kept now and not at the choice before. */
  returned: z.number(),
  /** File with the arrays of the choice, beside this one. */
  file: z.string(),
});
export type ImportancePass = z.infer<typeof importancePass>;

/**
 * `artifacts/importance.json`: which samples mattered, in the first training that chose. The arrays of each pass are tensors
 * of a safetensors file: `scores` F32 [samples], `kept` U8 [samples] and, where samples have labels, `predicted` F32
 * [samples], `confidence` F32 [samples] (probability of the label), `suspicion` F32 [samples]. Samples are numbered as in the
 * training part of the data.
 */
const map = z.object({
  version: z.literal(1),
  data: z.enum(DATA_KINDS),
  variant: z.string(),
  seed: z.number(),
  score: z.enum(SCORES),
  /** Share of the samples that is kept. */
  keep: z.number(),
  /** Share of the highest scores that is left out, and whether every class was chosen from by itself. */
  skipHardest: z.number().default(0),
  balanced: z.boolean().default(false),
  samples: z.number(),
  /** Names of the classes; none for regression, and for samples without labels. */
  classes: z.array(z.string()),
  /** File with `labels` F32 [samples]; none where samples have no labels. */
  labelsFile: z.string().optional(),
  /** Of the data and how it is cut into samples, where no labels tell whether they are the same still. */
  fingerprint: z.string().optional(),
  /** In the order of the epochs. */
  passes: z.array(importancePass),
});
export type ImportanceMap = z.infer<typeof map>;

/** Earlier versions called the variant a contestant. */
export const importanceMap = z.preprocess((value) => {
  if (typeof value !== 'object' || value === null || !('contestant' in value)) return value;
  const { contestant, ...rest } = value;
  return { ...rest, variant: contestant };
}, map);

export const IMPORTANCE_FILE = 'importance.json';
export const IMPORTANCE: ArtifactKind = { kind: 'importance', files: IMPORTANCE_FILE };
export const LABELS_FILE = 'importance-labels.safetensors';
export const passFile = (epoch: number): string => `importance-${epoch}.safetensors`;
