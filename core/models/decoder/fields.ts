import * as z from 'zod';
import { groupingKeys } from '../attention/config-keys';
import type { Fields } from '../config-fields';

/** What transformers has no key for. Other keys are from a later version of Winnow, and might change the computation. */
export const winnowSchema = z.strictObject({
  /** Rank of each factored linear layer of a compressed model, by the layer's name. */
  ranks: z.record(z.string(), z.int().positive()).default({}),
  /** The ranks of each size of a nested model, the largest first: see `nested.ts`. */
  nested: z.array(z.record(z.string(), z.int().positive())).optional(),
  ...groupingKeys,
});

/**
 * The keys of a Hugging Face `config.json` that determine what a Llama, Mistral or Qwen2 computes. Defaults and the
 * meaning of null are those of the classes in transformers.
 */
const schema = z.looseObject({
  hidden_size: z.int().positive(),
  intermediate_size: z.int().positive(),
  num_hidden_layers: z.int().positive(),
  num_attention_heads: z.int().positive(),
  num_key_value_heads: z.int().positive().nullish(),
  head_dim: z.int().positive().nullish(),
  vocab_size: z.int().positive(),
  max_position_embeddings: z.int().positive(),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.enum(['silu', 'swish']).default('silu'),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
  sliding_window: z.int().positive().nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.int().nonnegative().default(28),
  rope_theta: z.number().positive().optional(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  winnow: winnowSchema.optional(),
});

/** Only Llama has switches for its biases. */
const biases = { attention_bias: z.boolean().default(false), mlp_bias: z.boolean().default(false) };

const NEUTRAL: Fields['neutral'] = { partial_rotary_factor: [1] };

const HARMLESS: Fields['harmless'] = {
  'older words for max_position_embeddings': ['max_sequence_length', 'model_max_length'],
  'whether it is used as a decoder, which it is': ['is_decoder'],
};

export const DECODERS = {
  llama: {
    schema: schema.extend({ model_type: z.literal('llama'), ...biases }),
    fields: { neutral: NEUTRAL, harmless: HARMLESS },
  },
  mistral: {
    schema: schema.extend({
      model_type: z.literal('mistral'),
      sliding_window: z.int().positive().nullable().default(4096),
    }),
    fields: { neutral: { ...NEUTRAL, attention_bias: [false], mlp_bias: [false] }, harmless: HARMLESS },
  },
  qwen2: {
    schema: schema.extend({
      model_type: z.literal('qwen2'),
      sliding_window: z.int().positive().nullable().default(4096),
    }),
    // Queries, keys and values have biases, and nothing else does, whatever the config says.
    fields: { neutral: { ...NEUTRAL, attention_bias: [true], mlp_bias: [false] }, harmless: HARMLESS },
  },
} as const;

/** Key-value heads if a config lacks the key; null means as many as attention heads. */
export const KEY_VALUE_HEADS = { llama: null, mistral: 8, qwen2: 32 } as const;
