import * as z from 'zod';
import { UserError } from '../../errors';
import { groupingKeys, winnowWithoutGrouping, withGrouping } from '../attention/config-keys';
import { describedGrouping, type HeadGrouping } from '../attention/grouping';
import { parseConfigJson } from '../config-json';
import type { RotaryScaling } from './rotary-table';
import { rotaryScalingSchema } from './rotary-table';

/** What transformers has no key for. */
const winnowSchema = z.object({
  /** Rank of each factored linear layer of a compressed member, by the layer's name. */
  ranks: z.record(z.string(), z.int().positive()).default({}),
  ...groupingKeys,
});

/** The keys of a Hugging Face `config.json` that decide what a Llama, Mistral or Qwen2 computes; others are kept as they are. */
const schema = z.looseObject({
  model_type: z.enum(['llama', 'mistral', 'qwen2']),
  hidden_size: z.int().positive(),
  intermediate_size: z.int().positive(),
  num_hidden_layers: z.int().positive(),
  num_attention_heads: z.int().positive(),
  num_key_value_heads: z.int().positive().optional(),
  head_dim: z.int().positive().nullish(),
  vocab_size: z.int().positive(),
  max_position_embeddings: z.int().positive(),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.literal('silu').default('silu'),
  attention_bias: z.boolean().optional(),
  mlp_bias: z.boolean().default(false),
  sliding_window: z.int().positive().nullish(),
  use_sliding_window: z.boolean().optional(),
  max_window_layers: z.int().nonnegative().optional(),
  rope_theta: z.number().positive().optional(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  winnow: winnowSchema.optional(),
});

/** What transformers takes where a Qwen2 does not say from which layer on the window is on. */
const QWEN2_WINDOW_LAYERS = 28;

export interface DecoderConfig {
  readonly modelType: 'llama' | 'mistral' | 'qwen2';
  /** Width of the residual stream. */
  readonly hidden: number;
  /** Width inside the MLP. */
  readonly intermediate: number;
  readonly layers: number;
  readonly grouping: HeadGrouping;
  readonly headDim: number;
  readonly vocabulary: number;
  /** Longest sequence, in tokens. */
  readonly maxPositions: number;
  readonly normEpsilon: number;
  readonly tied: boolean;
  /** Whether the query, key and value projections add a bias, the output projection does, the MLP's do. */
  readonly bias: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  readonly ropeTheta: number;
  readonly ropeScaling: RotaryScaling;
  /** Tokens that a layer attends to; undefined for all before. */
  window(layer: number): number | undefined;
  /** Rank of each factored linear layer; layers that are not named are full. */
  readonly ranks: Readonly<Record<string, number>>;
}

/**
 * @param json the parsed `config.json`
 * @throws UserError `model.config` that names the key, or says which architectures are known; `model.heads`
 */
export function parseDecoderConfig(json: unknown): DecoderConfig {
  const c = parseConfigJson(schema, json, 'Winnow reads decoders of the Llama, Mistral and Qwen2 families.');
  const heads = c.num_attention_heads;
  if (heads % (c.num_key_value_heads ?? heads) !== 0)
    throw new UserError(
      'model.config',
      `config.json: num_attention_heads ${heads} is no multiple of num_key_value_heads ${c.num_key_value_heads}.`,
    );
  const headDim = c.head_dim ?? c.hidden_size / heads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0)
    throw new UserError(
      'model.config',
      `config.json: a head of ${headDim} dimensions has no halves to rotate.`,
      'Check hidden_size, num_attention_heads and head_dim.',
    );
  const rope: Record<string, unknown> = { ...c.rope_scaling, ...c.rope_parameters };
  const theta = typeof rope.rope_theta === 'number' ? rope.rope_theta : (c.rope_theta ?? 10_000);
  const scaling = rotaryScalingSchema.safeParse({ ...rope, rope_type: rope.rope_type ?? rope.type ?? 'default' });
  if (!scaling.success)
    throw new UserError(
      'model.config',
      `config.json: the rotary scaling ${JSON.stringify(rope)} is not understood.`,
      'Known types: default, linear, dynamic, llama3, yarn.',
    );
  const qwen = c.model_type === 'qwen2';
  return {
    modelType: c.model_type,
    hidden: c.hidden_size,
    intermediate: c.intermediate_size,
    layers: c.num_hidden_layers,
    grouping: describedGrouping(heads, c.winnow, c.num_key_value_heads),
    headDim,
    vocabulary: c.vocab_size,
    maxPositions: c.max_position_embeddings,
    normEpsilon: c.rms_norm_eps,
    tied: c.tie_word_embeddings,
    bias: { qkv: qwen || (c.attention_bias ?? false), output: !qwen && (c.attention_bias ?? false), mlp: c.mlp_bias },
    ropeTheta: theta,
    ropeScaling: scaling.data,
    window: (layer) => {
      if (c.model_type === 'llama') return undefined;
      // Qwen2 switches the window on by a key of its own, and only for the layers from max_window_layers on.
      const on = !qwen || ((c.use_sliding_window ?? false) && layer >= (c.max_window_layers ?? QWEN2_WINDOW_LAYERS));
      return on ? (c.sliding_window ?? undefined) : undefined;
    },
    ranks: c.winnow?.ranks ?? {},
  };
}

/**
 * @param key of the spec that says how long they are
 * @throws UserError `data.block-too-long` when training sequences are longer than the model can read
 */
export function checkBlockLength({ maxPositions }: DecoderConfig, blockLength: number, key = 'data.blockLength'): void {
  if (blockLength > maxPositions)
    throw new UserError(
      'data.block-too-long',
      `${key} is ${blockLength}, but the model reads at most ${maxPositions} tokens.`,
      'Use a smaller blockLength, or a model with a larger max_position_embeddings.',
      {
        fixes: [{ title: `Set ${key} to ${maxPositions}`, key, value: maxPositions }],
      },
    );
}

/** The same `config.json` with other ranks; everything else, known to us or not, stays. */
export function withRanks(
  json: Readonly<Record<string, unknown>>,
  ranks: Readonly<Record<string, number>>,
): Record<string, unknown> {
  const winnow = winnowSchema.loose().safeParse(json.winnow);
  return { ...json, winnow: { ...(winnow.success ? winnow.data : {}), ranks } };
}

/**
 * The same `config.json` with other heads; everything else, known to us or not, stays. Grouped queries are said in the
 * key that transformers reads, so that it loads those models.
 */
export function withDecoderGrouping(
  json: Readonly<Record<string, unknown>>,
  grouping: HeadGrouping,
): Record<string, unknown> {
  const { heads, queryHeads, kvHeads, sharedKeyValue } = grouping;
  const standard = { ...json, num_key_value_heads: kvHeads };
  if (queryHeads < heads || sharedKeyValue) return withGrouping(standard, grouping);
  return { ...standard, ...('winnow' in json && { winnow: winnowWithoutGrouping(json) }) };
}
