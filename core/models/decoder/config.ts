import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { winnowWithoutGrouping, withGrouping } from '../attention/config-keys';
import { describedGrouping, type HeadGrouping } from '../../protocol/grouping';
import { parseConfigJson } from '../config-json';
import { DECODERS, KEY_VALUE_HEADS, winnowSchema } from './fields';
import { readRotary } from './rotary-config';
import type { RotaryScaling } from './rotary-table';
import { readWindows } from './windows';

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
  const c = parseConfigJson('language model', DECODERS, json);
  const heads = c.num_attention_heads;
  const keyValueHeads = c.num_key_value_heads === undefined ? KEY_VALUE_HEADS[c.model_type] : c.num_key_value_heads;
  if (heads % (keyValueHeads ?? heads) !== 0)
    throw new UserError(
      'model.config',
      l10n.t`config.json: num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads ?? heads}.`,
    );
  const headDim = c.head_dim ?? c.hidden_size / heads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0)
    throw new UserError(
      'model.config',
      l10n.t`config.json: the head dimension ${headDim} is not an even whole number, which rotary embeddings need.`,
      l10n.t('Check hidden_size, num_attention_heads and head_dim.'),
    );
  const { theta, scaling } = readRotary(c);
  return {
    modelType: c.model_type,
    hidden: c.hidden_size,
    intermediate: c.intermediate_size,
    layers: c.num_hidden_layers,
    grouping: describedGrouping(heads, c.winnow, keyValueHeads ?? undefined),
    headDim,
    vocabulary: c.vocab_size,
    maxPositions: c.max_position_embeddings,
    normEpsilon: c.rms_norm_eps,
    tied: c.tie_word_embeddings,
    bias:
      c.model_type === 'llama'
        ? { qkv: c.attention_bias, output: c.attention_bias, mlp: c.mlp_bias }
        : { qkv: c.model_type === 'qwen2', output: false, mlp: false },
    ropeTheta: theta,
    ropeScaling: scaling,
    window: readWindows(c),
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
      l10n.t`${key} is ${blockLength}, but the model reads at most ${maxPositions} tokens.`,
      l10n.t('Use a smaller blockLength, or a model with a larger max_position_embeddings.'),
      {
        fixes: [{ title: l10n.t`Set ${key} to ${maxPositions}`, key, value: maxPositions }],
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
