import * as l10n from '@vscode/l10n';
import { describedGrouping, headPairs, variantName, type HeadGrouping } from './grouping';

/** How the attention heads of a model share queries, keys and values, and what that saves. */
export interface HeadFacts {
  readonly grouping: HeadGrouping;
  /** Width of a head, and of the residual stream. */
  readonly headDim: number;
  readonly hidden: number;
  readonly layers: number;
}

/** Weights of one kind of projection in all layers, and those of one head per attention head. */
export interface ProjectionSize {
  /** For people. */
  readonly name: string;
  readonly heads: number;
  readonly parameters: number;
  readonly full: number;
}

/** Sizes of the three projections; keys that are the values as well leave none for those. Biases are not counted. */
export function projectionSizes({ grouping, headDim, hidden, layers }: HeadFacts): ProjectionSize[] {
  const size = (name: string, heads: number): ProjectionSize => ({
    name,
    heads,
    parameters: layers * hidden * headDim * heads,
    full: layers * hidden * headDim * grouping.heads,
  });
  return [
    size(l10n.t('Queries'), grouping.queryHeads),
    size(l10n.t('Keys'), grouping.kvHeads),
    size(l10n.t('Values'), grouping.sharedKeyValue ? 0 : grouping.kvHeads),
  ];
}

export const attentionName = ({ grouping }: HeadFacts): string => variantName(grouping);

/** The number of the attention head at which a query head meets a key-value head, from 1; by `query keyValue`. */
export function meetings({ grouping }: HeadFacts): Map<string, number> {
  return new Map(headPairs(grouping).map(({ query, keyValue }, head) => [`${query} ${keyValue}`, head + 1]));
}

const count = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;

/** What a Hugging Face `config.json` says of the heads; undefined where it is of no transformer that we know. */
export function headFacts(config: Readonly<Record<string, unknown>>): HeadFacts | undefined {
  const heads = count(config.num_attention_heads);
  const hidden = count(config.hidden_size);
  const layers = count(config.num_hidden_layers);
  if (heads === undefined || hidden === undefined || layers === undefined) return undefined;
  const winnow =
    typeof config.winnow === 'object' && config.winnow !== null ? (config.winnow as Record<string, unknown>) : {};
  const own = {
    queryHeads: count(winnow.queryHeads),
    kvHeads: count(winnow.kvHeads),
    sharedKeyValue: winnow.sharedKeyValue === true,
  };
  const grouping = groupingOf(heads, own, count(config.num_key_value_heads));
  return grouping && { grouping, headDim: count(config.head_dim) ?? hidden / heads, hidden, layers };
}

function groupingOf(...numbers: Parameters<typeof describedGrouping>): HeadGrouping | undefined {
  try {
    return describedGrouping(...numbers);
  } catch {
    // Numbers that do not fit each other make no model; that is said where one is loaded.
    return undefined;
  }
}
