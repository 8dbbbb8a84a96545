import * as z from 'zod';
import type { ArtifactKind } from '../../experiments/artifact-kinds';

/** `artifacts/pretrain.json`: the result of a pretraining run. */
export const pretrainArtifact = z.object({
  heldOut: z.object({
    loss: z.number(),
    perplexity: z.number(),
    /** Only for next-token prediction: masked tokens do not encode a text. */
    bitsPerByte: z.number().optional(),
    accuracy: z.number(),
    tokens: z.number(),
  }),
  trainTokens: z.number(),
  heldOutTokens: z.number(),
  steps: z.number(),
});
export type PretrainArtifact = z.infer<typeof pretrainArtifact>;

export const PRETRAINED: ArtifactKind = { kind: 'pretrain', files: 'pretrain.json' };
