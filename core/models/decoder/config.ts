import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { winnowWithoutGrouping, withGrouping } from '../attention/config-keys';
import { describedGrouping, type HeadGrouping } from '../../protocol/grouping';
import { parseConfigJson } from '../config-json';
import { DECODERS, KEY_VALUE_HEADS, winnowSchema } from './fields';
import { readRotary } from './rotary-config';
import type { RotaryScaling } from './rotary-table';
import { readWindows } from './windows';

/** Rank of each factored linear layer, by name; layers that are not listed are full. */
export type Ranks = Readonly<Record<string, number>>;

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
  /** Which projections have biases: query, key and value; output; MLP. */
  readonly bias: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  readonly ropeTheta: number;
  readonly ropeScaling: RotaryScaling;
  /** Tokens that a layer attends to; undefined for all previous ones. */
  window(layer: number): number | undefined;
  readonly ranks: Ranks;
  /** The sizes of a nested model, the largest first, which has the ranks above; empty for any other model. */
  readonly nested: readonly Ranks[];
}

/**
 * @param json the parsed `config.json`
 * @throws UserError `model.config` that names the key, or lists the supported architectures; `model.heads`
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
    nested: nestedSizes(c.winnow?.ranks ?? {}, c.winnow?.nested ?? []),
  };
}

/**
 * @param key the key of the spec that sets their length
 * @throws UserError `data.block-too-long` if training sequences are longer than the model can read
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

/**
 * The same `config.json` with other ranks; everything else is kept, even fields that Winnow does not know.
 * @param nested the sizes of a nested model, the largest first, which has these ranks; without them the model is not nested
 */
export function withRanks(
  json: Readonly<Record<string, unknown>>,
  ranks: Ranks,
  nested: readonly Ranks[] = [],
): Record<string, unknown> {
  const parsed = winnowSchema.loose().safeParse(json.winnow);
  const winnow: Record<string, unknown> = { ...(parsed.success ? parsed.data : {}), ranks };
  if (nested.length > 0) winnow.nested = nested;
  else delete winnow.nested;
  return { ...json, winnow };
}

/** @throws UserError `model.config` if the sizes are not nested in each other and in the model */
function nestedSizes(ranks: Ranks, sizes: readonly Ranks[]): readonly Ranks[] {
  const isWithin = (small: Ranks, large: Ranks) =>
    Object.keys(large).length === Object.keys(small).length &&
    Object.entries(small).every(([name, rank]) => rank <= (large[name] ?? 0));
  const bad = sizes.findIndex(
    (size, i) => !isWithin(size, sizes[i - 1] ?? ranks) || (i === 0 && !isWithin(ranks, size)),
  );
  if (bad < 0) return sizes;
  throw new UserError(
    'model.config',
    bad === 0
      ? l10n.t('config.json: the first of winnow.nested does not have the ranks of winnow.ranks.')
      : l10n.t`config.json: size ${bad + 1} of winnow.nested is not within size ${bad}.`,
    l10n.t('A nested model lists the ranks of its sizes, the largest first, for the same layers. Restore the file.'),
  );
}

/**
 * The same `config.json` with another grouping of heads; everything else is kept, even fields that Winnow does not
 * know. Grouped-query attention uses the key that transformers reads, so that transformers can load these models.
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
