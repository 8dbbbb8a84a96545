import { DATA_KINDS, NOISE_KINDS, SCORES } from '../../protocol/importance';
import * as z from 'zod';
import type { ArtifactKind } from '../../experiments/artifact-kinds';

/** An evaluation, with the cost of training so far. */
export const curvePoint = z.object({
  /** Epochs finished. */
  epoch: z.number(),
  step: z.number(),
  /** Samples trained on and samples only scored, since the start. */
  trained: z.number(),
  scored: z.number(),
  /** Both together as samples trained on; scoring, a forward pass, counts a third. */
  work: z.number(),
  /** Training and scoring together, without evaluations and checkpoints. */
  seconds: z.number(),
  metrics: z.record(z.string(), z.number()),
});
export type CurvePoint = z.infer<typeof curvePoint>;

/** One of the ways to select samples that a run compares, as tables show it. */
export const variantRecord = z.object({
  name: z.string(),
  series: z.string(),
  role: z.enum(['baseline', 'member', 'control']),
  /** One sentence for users. */
  description: z.string(),
  /** Fraction of the samples that is kept; 1 for all. */
  keep: z.number(),
  epochs: z.number(),
  /** Whether it looks at the held-out samples, so that nobody can use it: a bound, not a rival. */
  oracle: z.boolean().optional(),
});
export type VariantRecord = z.infer<typeof variantRecord>;

/** Estimated share of wrong labels, its 90 % confidence interval, and the number of samples that look wrong. */
const wrongLabels = z.object({ share: z.number(), low: z.number(), high: z.number(), listed: z.number() });

/** The result of one training. */
export const selectionOutcome = z.object({
  steps: z.number(),
  curve: z.array(curvePoint).min(1),
  /** Fraction of the training time spent waiting for batches. */
  waitingShare: z.number(),
  /** What the training found out about wrong labels; absent without classes, and for variants without scores. */
  wrong: z
    .object({
      ...wrongLabels.shape,
      /** Where labels were made wrong on purpose: shares of all labels, of the list and of the wrong labels. */
      truth: z.object({ share: z.number(), precision: z.number(), recall: z.number() }).optional(),
    })
    .optional(),
  /** Folder in `checkpoints/`, if the model was kept. */
  checkpoint: z.string().optional(),
});
export type SelectionOutcome = z.infer<typeof selectionOutcome>;

/** Facts shared by all trainings of a run. */
export const selectionFacts = z.object({
  /** The primary metric, one of those in the curves; higher is better. */
  metric: z.string(),
  data: z.enum(DATA_KINDS),
  parameters: z.number(),
  /** FLOPs of the forward pass on one sample, on average. */
  flopsPerSample: z.number(),
  trainSamples: z.number(),
  heldOutSamples: z.number(),
  /** How training labels were made wrong on purpose: share, kind, seed and number; absent if they are as they came. */
  labelNoise: z.string().optional(),
});
export type SelectionFacts = z.infer<typeof selectionFacts>;

/** The selection at one point of a training. */
export const importancePass = z.object({
  /** Epochs finished before the selection. */
  epoch: z.number(),
  /** The lowest kept score; null if samples were drawn at random. */
  threshold: z.number().nullable(),
  kept: z.number(),
  /** Samples kept now but not in the previous selection. */
  returned: z.number(),
  /** File with the arrays of the selection, in the same folder. */
  file: z.string(),
  wrong: wrongLabels.optional(),
  /** Samples left out because their labels are probably wrong. */
  leftOut: z.number().optional(),
});
export type ImportancePass = z.infer<typeof importancePass>;

/**
 * `artifacts/importance.json`: data importance, from the first training that selected samples. The arrays of each pass
 * are tensors in a safetensors file: `scores` F32 [samples], `kept` U8 [samples] and, if samples have labels,
 * `predicted` F32 [samples], `confidence` F32 [samples] (probability of the label), `suspicion` F32 [samples]. The
 * `wrong.listed` samples with the highest suspicion (among equals, the lower number) look wrong. Samples are numbered
 * as in the training part of the data.
 */
const map = z.object({
  version: z.literal(1),
  data: z.enum(DATA_KINDS),
  variant: z.string(),
  seed: z.number(),
  score: z.enum(SCORES),
  /** Fraction of the samples that is kept. */
  keep: z.number(),
  /** Fraction of the samples that is excluded for having the highest scores; whether the selection is made per class. */
  skipHardest: z.union([z.number(), z.literal('auto')]).default(0),
  balanced: z.boolean().default(false),
  samples: z.number(),
  /** Class names; empty for regression and for samples without labels. */
  classes: z.array(z.string()),
  /**
   * File with `labels` F32 [samples], as trained on, and if some were made wrong, `trueLabels` F32 [samples]; absent if
   * samples have no labels.
   */
  labelsFile: z.string().optional(),
  /** How labels were made wrong on purpose; absent if they are as they came. */
  labelNoise: z
    .object({ share: z.number(), kind: z.enum(NOISE_KINDS), seed: z.number(), flipped: z.number() })
    .optional(),
  /** Fingerprint of the data and how it is split into samples, for data without labels to compare. */
  fingerprint: z.string().optional(),
  /** In order of epochs. */
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
