import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../../../errors';
import { PartError } from './part';

/** Largest id: ids are 32 bits wide in the library, and positive in our tensors. */
const MAX_ID = 2 ** 31 - 1;

/** Ids by token. An object of JSON may have a million keys, and one of them may be `__proto__`. */
export const VocabularyObject = z.custom<Readonly<Record<string, number>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  { error: () => l10n.t('it must be an object that maps tokens to ids') },
);

/** @throws PartError for an id that is none, or that two tokens have */
export function readVocabulary(object: Readonly<Record<string, number>>, part: string) {
  const ids = new Map<string, number>();
  const tokens = new Map<number, string>();
  for (const [token, id] of Object.entries(object)) {
    if (!Number.isInteger(id) || id < 0 || id > MAX_ID)
      throw new PartError(part, l10n.t`the id of its token ${JSON.stringify(token)} is ${String(id)}`);
    const other = tokens.get(id);
    if (other !== undefined)
      throw new PartError(
        part,
        l10n.t`its tokens ${JSON.stringify(other)} and ${JSON.stringify(token)} have the same id ${id}`,
      );
    ids.set(token, id);
    tokens.set(id, token);
  }
  return { ids, tokens };
}

/** For a text that a tokenizer has no tokens for. */
export const unknownText = (text: string): UserError =>
  new UserError(
    'tokenizer.unknown-text',
    l10n.t`The tokenizer has no token for ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}, and no unknown token.`,
    l10n.t('Use a tokenizer that was made for this text.'),
  );

/**
 * The tokens that stand for the bytes of a text (`<0x0A>`), where a model falls back to them. Nothing where it lacks one.
 */
export function byteIds(text: string, ids: ReadonlyMap<string, number>): number[] | undefined {
  const result: number[] = [];
  for (const byte of Buffer.from(text)) {
    const id = ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    if (id === undefined) return undefined;
    result.push(id);
  }
  return result;
}
