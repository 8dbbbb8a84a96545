import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../../errors';
import { groupingKeys } from '../attention/config-keys';
import { describedGrouping, type HeadGrouping } from '../../protocol/grouping';
import type { Fields } from '../config-fields';
import { parseConfigJson } from '../config-json';
import { labelsOf } from '../labels';

/** The side of a square, as transformers writes it: a number, or twice the same. */
const side = z
  .union([z.int().positive(), z.tuple([z.int().positive(), z.int().positive()])])
  .transform((given) => (typeof given === 'number' ? [given, given] : given))
  .refine(([height, width]) => height === width, { error: () => l10n.t('only squares are supported') })
  .transform(([height]) => height!);

/** The keys of a Hugging Face `config.json` that decide what a ViT or DeiT computes. */
const schema = z.looseObject({
  hidden_size: z.int().positive().default(768),
  num_hidden_layers: z.int().positive().default(12),
  num_attention_heads: z.int().positive().default(12),
  intermediate_size: z.int().positive().default(3072),
  hidden_act: z.literal('gelu').default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  image_size: side.default(224),
  patch_size: side.default(16),
  num_channels: z.int().positive().default(3),
  initializer_range: z.number().positive().default(0.02),
  qkv_bias: z.boolean().default(true),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z.int().positive().nullish(),
  /** What transformers, which knows no shared heads in a vision transformer, has no key for. */
  winnow: z.strictObject(groupingKeys).optional(),
});

const fields: Fields = {
  neutral: {},
  harmless: {
    'of heads other than the classifier': ['encoder_stride', 'pooler_act', 'pooler_output_size'],
  },
};

const VISION_TRANSFORMERS = {
  vit: { schema: schema.extend({ model_type: z.literal('vit') }), fields },
  deit: { schema: schema.extend({ model_type: z.literal('deit') }), fields },
} as const;

export interface VitConfig {
  /** A DeiT has a distillation token beside the CLS token (Touvron et al., 2021, section 4). */
  readonly modelType: 'vit' | 'deit';
  /** Width of the residual stream. */
  readonly hidden: number;
  /** Width inside the MLP. */
  readonly intermediate: number;
  readonly layers: number;
  readonly grouping: HeadGrouping;
  readonly headDim: number;
  /** Side of the square images, in pixels. */
  readonly imageSize: number;
  /** Side of the square patches, in pixels. */
  readonly patchSize: number;
  readonly channels: number;
  readonly normEpsilon: number;
  readonly qkvBias: boolean;
  /** Deviation of fresh weights. */
  readonly initializerRange: number;
  /** Names of the classes, by their index. */
  readonly labels: readonly string[];
}

/**
 * @param json the parsed `config.json`
 * @throws UserError `model.config` that names the key, `model.heads`
 */
export function parseVitConfig(json: unknown): VitConfig {
  const c = parseConfigJson('vision transformer', VISION_TRANSFORMERS, json);
  const heads = c.num_attention_heads;
  const headDim = c.hidden_size / heads;
  if (!Number.isInteger(headDim))
    throw new UserError(
      'model.config',
      l10n.t`config.json: hidden_size ${c.hidden_size} is not a multiple of num_attention_heads ${heads}.`,
    );
  if (c.image_size % c.patch_size !== 0)
    throw new UserError(
      'model.config',
      l10n.t`config.json: image_size ${c.image_size} is not a multiple of patch_size ${c.patch_size}.`,
    );
  return {
    modelType: c.model_type,
    hidden: c.hidden_size,
    intermediate: c.intermediate_size,
    layers: c.num_hidden_layers,
    grouping: describedGrouping(heads, c.winnow),
    headDim,
    imageSize: c.image_size,
    patchSize: c.patch_size,
    channels: c.num_channels,
    normEpsilon: c.layer_norm_eps,
    qkvBias: c.qkv_bias,
    initializerRange: c.initializer_range,
    labels: labelsOf(c.id2label, c.num_labels),
  };
}

/** Patches along one side of an image. */
export const gridOf = ({ imageSize, patchSize }: VitConfig): number => imageSize / patchSize;

export const patchCount = (config: VitConfig): number => gridOf(config) ** 2;

/** Tokens that stand before the patches: CLS, and the distillation token of a DeiT. */
export const prefixTokens = ({ modelType }: VitConfig): number => (modelType === 'deit' ? 2 : 1);
