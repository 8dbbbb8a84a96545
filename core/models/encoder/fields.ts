import * as z from 'zod';
import type { Fields } from '../config-fields';

/** Keys that both families share. */
const shared = {
  vocab_size: z.int().positive().default(30_522),
  max_position_embeddings: z.int().positive().default(512),
  initializer_range: z.number().positive().default(0.02),
  tie_word_embeddings: z.boolean().default(true),
  pad_token_id: z.int().nonnegative().nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z.int().positive().nullish(),
  position_embedding_type: z.literal('absolute').nullish(),
  is_decoder: z.literal(false).default(false),
};

const HARMLESS: Fields['harmless'] = {
  'what training elsewhere drops out': ['qa_dropout', 'seq_classif_dropout'],
  'of the pooler of the first TensorFlow files, which transformers does not have': [
    'directionality',
    'pooler_fc_size',
    'pooler_num_attention_heads',
    'pooler_num_fc_layers',
    'pooler_size_per_head',
    'pooler_type',
  ],
  'how positions began; they are stored': ['sinusoidal_pos_embds'],
  'an older word for tie_word_embeddings, which transformers does not read': ['tie_weights_'],
};

/** The keys of a Hugging Face `config.json` that determine what an encoder computes. */
export const ENCODERS = {
  bert: {
    schema: z.looseObject({
      model_type: z.literal('bert'),
      ...shared,
      hidden_size: z.int().positive().default(768),
      num_hidden_layers: z.int().positive().default(12),
      num_attention_heads: z.int().positive().default(12),
      intermediate_size: z.int().positive().default(3072),
      hidden_act: z.literal('gelu').default('gelu'),
      type_vocab_size: z.int().positive().default(2),
      layer_norm_eps: z.number().positive().default(1e-12),
    }),
    fields: { neutral: {}, harmless: HARMLESS },
  },
  distilbert: {
    schema: z.looseObject({
      model_type: z.literal('distilbert'),
      ...shared,
      dim: z.int().positive().default(768),
      n_layers: z.int().positive().default(6),
      n_heads: z.int().positive().default(12),
      hidden_dim: z.int().positive().default(3072),
      activation: z.literal('gelu').default('gelu'),
    }),
    fields: { neutral: {}, harmless: HARMLESS },
  },
} as const;
