import * as z from 'zod';
import type { HeadGrouping } from '../../protocol/grouping';

/** Keys of `winnow` in a `config.json` that say which heads are shared, where transformers has none of its own. */
export const groupingKeys = {
  queryHeads: z.int().positive().optional(),
  kvHeads: z.int().positive().optional(),
  sharedKeyValue: z.boolean().optional(),
};

const winnowSchema = z.looseObject({});

/** What else a `config.json` says under `winnow`. */
export function winnowWithoutGrouping(json: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const winnow = winnowSchema.safeParse(json.winnow);
  const own = Object.entries(winnow.success ? winnow.data : {});
  return Object.fromEntries(own.filter(([key]) => !(key in groupingKeys)));
}

/** The same `config.json` with other heads; everything else, known to us or not, stays. */
export function withGrouping(
  json: Readonly<Record<string, unknown>>,
  { queryHeads, kvHeads, sharedKeyValue }: HeadGrouping,
): Record<string, unknown> {
  return { ...json, winnow: { ...winnowWithoutGrouping(json), queryHeads, kvHeads, sharedKeyValue } };
}
