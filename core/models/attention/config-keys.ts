import * as z from 'zod';
import type { HeadGrouping } from '../../protocol/grouping';

/** Keys under `winnow` in a `config.json` that say which heads are shared where transformers has no key for it. */
export const groupingKeys = {
  queryHeads: z.int().positive().optional(),
  kvHeads: z.int().positive().optional(),
  sharedKeyValue: z.boolean().optional(),
};

const winnowSchema = z.looseObject({});

/** The other contents of `winnow` in a `config.json`. */
export function winnowWithoutGrouping(json: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const winnow = winnowSchema.safeParse(json.winnow);
  const own = Object.entries(winnow.success ? winnow.data : {});
  return Object.fromEntries(own.filter(([key]) => !(key in groupingKeys)));
}

/** The same `config.json` with another grouping of heads; everything else is kept, even fields unknown to Winnow. */
export function withGrouping(
  json: Readonly<Record<string, unknown>>,
  { queryHeads, kvHeads, sharedKeyValue }: HeadGrouping,
): Record<string, unknown> {
  return { ...json, winnow: { ...winnowWithoutGrouping(json), queryHeads, kvHeads, sharedKeyValue } };
}
