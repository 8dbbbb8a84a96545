import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';

const ACCENTED: Readonly<Record<string, string>> = {
  a: 'å',
  e: 'ë',
  i: 'ï',
  o: 'ø',
  u: 'ü',
  A: 'Å',
  E: 'Ë',
  I: 'Ï',
  O: 'Ø',
  U: 'Ü',
};

/** A text as a translation that everybody can read and no English text is equal to: its placeholders stay. */
export const pseudo = (text: string): string =>
  text.replaceAll(/\{[^}]+\}|[aeiou]/gi, (part) => ACCENTED[part] ?? part);

const english = z.record(z.string(), z.union([z.string(), z.object({ message: z.string() })]));

/** All texts in that language, as `bundle.l10n.<language>.json` has them. */
export function pseudoBundle(): Record<string, string> {
  const file = path.resolve('extension', 'l10n', 'bundle.l10n.json');
  const texts = english.parse(JSON.parse(readFileSync(file, 'utf8')));
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, pseudo(typeof text === 'string' ? text : text.message)]),
  );
}
