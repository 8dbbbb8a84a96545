import * as l10n from '@vscode/l10n';
import { describedGrouping, headPairs, variantName, type HeadGrouping } from './grouping';

/** How the attention heads of a model share queries, keys and values, and what that saves. */
export interface HeadFacts {
  readonly grouping: HeadGrouping;
  /** Dimension of a head, and of the residual stream. */
  readonly headDim: number;
  readonly hidden: number;
  readonly layers: number;
}

/** Weights of one kind of projection in all layers: as it is, and with one head per attention head. */
export interface ProjectionSize {
  /** For people. */
  readonly name: string;
  readonly heads: number;
  readonly parameters: number;
  readonly full: number;
}

/** Sizes of the three projections, without biases. If the keys are also the values, the values take no weights. */
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

/** The number (from 1) of the attention head that pairs a query head with a key-value head, keyed by `query keyValue`. */
export function meetings({ grouping }: HeadFacts): Map<string, number> {
  return new Map(headPairs(grouping).map(({ query, keyValue }, head) => [`${query} ${keyValue}`, head + 1]));
}

const count = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;

/** The heads that a Hugging Face `config.json` describes; undefined if it is not of a known transformer. */
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
    // Inconsistent numbers are reported when the model is loaded.
    return undefined;
  }
}
