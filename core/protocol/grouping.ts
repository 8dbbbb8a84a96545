import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';

/**
 * How query heads meet key-value heads (Javadi et al., 2023, "GQKVA", section 3). Every attention head is one pair of a
 * query head and a key-value head; what is fewer than the heads is shared, and its projection is smaller for real.
 *
 * With h heads, q query heads and k key-value heads, the heads fall into q·k/h blocks; within a block every query head
 * meets every key-value head. That one rule covers all variants: q = h is grouped-query attention (multi-head where
 * k = h, multi-query where k = 1), k = h is grouped key-value attention, and q·k = h is one block of all pairs.
 */
export interface HeadGrouping {
  /** Attention heads: pairs of a query head and a key-value head. */
  readonly heads: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** Keys are the values as well, by one projection (K = V sharing, arXiv 2606.04032). */
  readonly sharedKeyValue: boolean;
}

/** The sizes of the blocks of a grouping: blocks * queries = query heads, blocks * keyValues = key-value heads. */
export interface HeadBlocks {
  readonly blocks: number;
  /** Query heads in a block. */
  readonly queries: number;
  /** Key-value heads in a block. */
  readonly keyValues: number;
}

export function blocksOf({ heads, queryHeads, kvHeads }: HeadGrouping): HeadBlocks {
  const blocks = (queryHeads * kvHeads) / heads;
  return { blocks, queries: queryHeads / blocks, keyValues: kvHeads / blocks };
}

/** The query head and the key-value head of every attention head, in the order in which their outputs are joined. */
export function headPairs(grouping: HeadGrouping): { query: number; keyValue: number }[] {
  const { queries, keyValues } = blocksOf(grouping);
  return Array.from({ length: grouping.heads }, (_, head) => {
    const block = Math.floor(head / (queries * keyValues));
    const within = head % (queries * keyValues);
    return {
      query: block * queries + Math.floor(within / keyValues),
      keyValue: block * keyValues + (within % keyValues),
    };
  });
}

/** @throws UserError `model.heads` where the numbers of heads do not fit each other */
export function headGrouping(heads: number, queryHeads: number, kvHeads: number, sharedKeyValue = false): HeadGrouping {
  const blocks = (queryHeads * kvHeads) / heads;
  const whole = Number.isInteger(blocks) && blocks >= 1;
  if (!whole || queryHeads % blocks !== 0 || kvHeads % blocks !== 0)
    throw new UserError(
      'model.heads',
      l10n.t`${queryHeads} query heads and ${kvHeads} key-value heads do not make ${heads} attention heads.`,
      l10n.t(
        'Their product must be the number of heads, or one of them the number of heads and the other a divisor of it.',
      ),
    );
  return { heads, queryHeads, kvHeads, sharedKeyValue };
}

/** What a `config.json` says of shared heads under `winnow`, where transformers has no key for it. */
export interface WinnowHeads {
  readonly queryHeads?: number | undefined;
  readonly kvHeads?: number | undefined;
  readonly sharedKeyValue?: boolean | undefined;
}

/**
 * The grouping that a `config.json` describes; what it does not say is not shared.
 * @param heads `num_attention_heads`
 * @param numKeyValueHeads `num_key_value_heads`, which transformers knows in decoders
 * @throws UserError `model.heads` where the numbers do not fit, or contradict each other
 */
export function describedGrouping(heads: number, own: WinnowHeads = {}, numKeyValueHeads?: number): HeadGrouping {
  if (own.kvHeads !== undefined && numKeyValueHeads !== undefined && own.kvHeads !== numKeyValueHeads)
    throw new UserError(
      'model.heads',
      l10n.t`config.json: num_key_value_heads is ${numKeyValueHeads}, but winnow.kvHeads is ${own.kvHeads}.`,
      l10n.t('Remove one of them.'),
    );
  const kvHeads = own.kvHeads ?? numKeyValueHeads ?? heads;
  return headGrouping(heads, own.queryHeads ?? heads, kvHeads, own.sharedKeyValue);
}

export const sameGrouping = (a: HeadGrouping, b: HeadGrouping): boolean =>
  a.heads === b.heads &&
  a.queryHeads === b.queryHeads &&
  a.kvHeads === b.kvHeads &&
  a.sharedKeyValue === b.sharedKeyValue;

/** A name of a variant may end so, where keys are the values as well. */
const SHARED = '+K=V';

/**
 * Reads the paper's name of a variant: `MHA`, `MQA`, `GQA-3`, `MKVA`, `GKVA-3`, `GQKVA-3.2` (query heads . key-value
 * heads), each with `+K=V` where one projection makes keys and values.
 * @throws UserError `model.variant` for a name that is none, `model.heads` for one that does not fit the heads
 */
export function parseVariant(name: string, heads: number): HeadGrouping {
  const sharedKeyValue = name.toUpperCase().endsWith(SHARED);
  const base = sharedKeyValue ? name.slice(0, -SHARED.length) : name;
  const make = (queryHeads: number, kvHeads: number) => headGrouping(heads, queryHeads, kvHeads, sharedKeyValue);
  const match = /^(MHA|MQA|MKVA)$|^(GQA|GKVA)-(\d+)$|^(GQKVA)-(\d+)\.(\d+)$/i.exec(base);
  const kind = (match?.[1] ?? match?.[2] ?? match?.[4])?.toUpperCase();
  const count = Number(match?.[3]);
  switch (kind) {
    case 'MHA':
      return make(heads, heads);
    case 'MQA':
      return make(heads, 1);
    case 'MKVA':
      return make(1, heads);
    case 'GQA':
      return make(heads, count);
    case 'GKVA':
      return make(count, heads);
    case 'GQKVA':
      return make(Number(match?.[5]), Number(match?.[6]));
    default:
      throw new UserError(
        'model.variant',
        l10n.t`"${name}" is not a kind of attention.`,
        l10n.t('Known: MHA, MQA, GQA-g, MKVA, GKVA-g, GQKVA-x.y, each also with +K=V.'),
      );
  }
}

/** The paper's name of a grouping: the inverse of `parseVariant`. */
export function variantName({ heads, queryHeads, kvHeads, sharedKeyValue }: HeadGrouping): string {
  const base = (() => {
    if (queryHeads === heads) return kvHeads === heads ? 'MHA' : kvHeads === 1 ? 'MQA' : `GQA-${kvHeads}`;
    if (kvHeads === heads) return queryHeads === 1 ? 'MKVA' : `GKVA-${queryHeads}`;
    return `GQKVA-${queryHeads}.${kvHeads}`;
  })();
  return sharedKeyValue ? base + SHARED : base;
}
