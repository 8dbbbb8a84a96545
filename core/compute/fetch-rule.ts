import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../errors';

/** Which checkpoints of a run on another machine are fetched by themselves when it has ended. */
export const FETCHES = ['asked', 'best', 'last', 'models', 'all'] as const;
export type Fetches = (typeof FETCHES)[number];

/** Bytes of one run that are fetched without being asked for, unless a remote says otherwise. */
export const FETCH_LIMIT = 5e9;

export const fetchRule = z.strictObject({
  /**
   * `asked`: none; `best`: the one with the best value of the metric that its run is known by; `last`: the one of the last step; `models`: all but
   * what training resumes from; `all`.
   */
  which: z.enum(FETCHES),
  /** If they are larger together, none is fetched, bytes. */
  limit: z.number().positive().default(FETCH_LIMIT),
});
export type FetchRule = z.output<typeof fetchRule>;

export const ONLY_ASKED: FetchRule = { which: 'asked', limit: FETCH_LIMIT };

const UNITS = ['', 'k', 'm', 'g', 't'];

/** `500MB`, `20 GB`: bytes, in powers of 1000 as sizes are shown. @throws UserError `remote.invalid` */
export function parseLimit(text: string): number {
  const [, number, unit = ''] = /^\s*(\d{1,9}(?:\.\d{1,3})?)\s*([kmgt]?)b?\s*$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * 1000 ** UNITS.indexOf(unit.toLowerCase()));
  if (bytes > 0) return bytes;
  throw new UserError('remote.invalid', l10n.t`"${text}" is not a size.`, l10n.t('For example: 500MB, 20GB.'));
}
