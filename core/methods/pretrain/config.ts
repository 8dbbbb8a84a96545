import * as z from 'zod';
import { TextDataConfig } from '../../data/text/config';
import { TrainingConfig } from '../../training/config';

/**
 * The architecture of the model to train from scratch: keys of a Hugging Face `config.json` of the Llama family, or of
 * BERT for masked tokens, which does not have all of them.
 */
const Architecture = z.strictObject({
  hidden_size: z.int().positive().default(256).describe('Width of the residual stream.'),
  intermediate_size: z.int().positive().default(704).describe('Width inside the MLP.'),
  num_hidden_layers: z.int().positive().default(6).describe('Transformer blocks.'),
  num_attention_heads: z.int().positive().default(8).describe('Attention heads.'),
  num_key_value_heads: z
    .int()
    .positive()
    .optional()
    .describe(
      'Key-value heads of a decoder; must divide the attention heads. Default: set by attention, otherwise 4, or fewer if 4 does not divide them.',
    ),
  attention: z
    .string()
    .optional()
    .describe(
      'Which heads of a decoder are shared: MHA, MQA, GQA-g, MKVA, GKVA-g, GQKVA-x.y (x query heads, y key-value heads), each also with ' +
        '+K=V, which uses the keys as values. Default: set by num_key_value_heads.',
    ),
  max_position_embeddings: z.int().positive().default(512).describe('Maximum sequence length, in tokens.'),
  tie_word_embeddings: z
    .boolean()
    .default(true)
    .describe('Whether the output head of a decoder is tied to the embedding; that of an encoder always is.'),
  rope_theta: z.number().positive().default(10_000).describe('Base of the rotary embedding of a decoder.'),
});

export const PretrainConfig = z.object({
  objective: z
    .enum(['next-token', 'masked'])
    .default('next-token')
    .describe(
      "What the model learns to predict: 'next-token' trains a decoder of the Llama family, 'masked' an encoder of the BERT family that predicts masked tokens.",
    ),
  model: Architecture.prefault({}).describe('The architecture to train, as in a Hugging Face config.json.'),
  vocabulary: z
    .int()
    .min(300)
    .max(65_536)
    .default(4096)
    .describe(
      'Size of the vocabulary that is trained on the corpus first: byte-level BPE for a decoder, lower-cased WordPiece for an encoder.',
    ),
  maskShare: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.15)
    .describe(
      "For objective 'masked': share of the tokens to predict. 80 % of them are masked, 10 % replaced and 10 % left as they are.",
    ),
  neighbors: z
    .int()
    .nonnegative()
    .default(2)
    .describe(
      "For objective 'masked': blocks whose heads start out attending to neighboring tokens. With 0, a few million tokens may not be enough to learn that.",
    ),
  data: TextDataConfig.prefault({}).describe('The text to train on.'),
  epochs: z.number().positive().default(4).describe('Epochs over the training text.'),
  training: TrainingConfig.prefault({}).describe('Optimizer and batch.'),
  evaluateEvery: z.int().positive().default(250).describe('Steps between evaluations on held-out text.'),
  evaluateShare: z
    .number()
    .gt(0)
    .max(1)
    .default(0.25)
    .describe('Share of the held-out text used in these evaluations; the final one uses all of it.'),
  dtype: z.enum(['F32', 'F16', 'BF16']).default('F16').describe('Number format of the finished model on disk.'),
});
export type PretrainConfig = z.infer<typeof PretrainConfig>;
