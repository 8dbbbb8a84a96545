import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { parseConfigJson } from '../config-json';
import { labelsOf } from '../labels';
import { ENCODERS } from './fields';

/** transformers has it fixed in the code of DistilBERT, and as the default of BERT. */
const DISTILBERT_NORM_EPSILON = 1e-12;

export interface EncoderConfig {
  /** MiniLM and many others are `bert` too. */
  readonly modelType: 'bert' | 'distilbert';
  /** Width of the residual stream. */
  readonly hidden: number;
  /** Width inside the MLP. */
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  /** Longest sequence, in tokens. */
  readonly maxPositions: number;
  /** Kinds of segments that the embedding tells apart: 0 where it tells none apart (DistilBERT). */
  readonly tokenTypes: number;
  readonly normEpsilon: number;
  /** Whether the head of masked language modeling is the word embedding. */
  readonly tied: boolean;
  /** What stands where a sequence is shorter than its batch; masked, so it changes nothing. */
  readonly padId: number;
  /** Deviation of fresh weights. */
  readonly initializerRange: number;
  /** Names of the classes, by their index; a single one is the number of a regression. */
  readonly labels: readonly string[];
}

/**
 * @param json the parsed `config.json`
 * @throws UserError `model.config` that names the key, or says which architectures are known
 */
export function parseEncoderConfig(json: unknown): EncoderConfig {
  const c = parseConfigJson('text encoder', ENCODERS, json);
  const shape =
    c.model_type === 'bert'
      ? {
          hidden: c.hidden_size,
          intermediate: c.intermediate_size,
          layers: c.num_hidden_layers,
          heads: c.num_attention_heads,
          tokenTypes: c.type_vocab_size,
          normEpsilon: c.layer_norm_eps,
        }
      : {
          hidden: c.dim,
          intermediate: c.hidden_dim,
          layers: c.n_layers,
          heads: c.n_heads,
          tokenTypes: 0,
          normEpsilon: DISTILBERT_NORM_EPSILON,
        };
  const headDim = shape.hidden / shape.heads;
  if (!Number.isInteger(headDim))
    throw new UserError(
      'model.config',
      l10n.t`config.json: the hidden size ${shape.hidden} is not a multiple of ${shape.heads} heads.`,
      c.model_type === 'bert' ? l10n.t('Check hidden_size and num_attention_heads.') : l10n.t('Check dim and n_heads.'),
    );
  return {
    modelType: c.model_type,
    ...shape,
    headDim,
    vocabulary: c.vocab_size,
    maxPositions: c.max_position_embeddings,
    tied: c.tie_word_embeddings,
    padId: c.pad_token_id ?? 0,
    initializerRange: c.initializer_range,
    labels: labelsOf(c.id2label, c.num_labels),
  };
}

/** @throws UserError `data.block-too-long` when sequences are longer than the model can read */
export function checkSequenceLength({ maxPositions }: EncoderConfig, tokens: number, key: string): void {
  if (tokens <= maxPositions) return;
  throw new UserError(
    'data.block-too-long',
    l10n.t`${key} is ${tokens}, but the model reads at most ${maxPositions} tokens.`,
    l10n.t`Use a smaller ${key}, or a model with a larger max_position_embeddings.`,
    { fixes: [{ title: l10n.t`Set ${key} to ${maxPositions}`, key, value: maxPositions }] },
  );
}
