import { charactersOf } from './text';
import { NOT_NORMALIZED } from './unicode';

/** Lowercase letter by letter: JavaScript writes another sigma at the end of a word. */
export const lowercase = (text: string): string => text.replaceAll('Σ', 'σ').toLowerCase();

const UNKNOWN = charactersOf(NOT_NORMALIZED, 'v');
const KNOWN = charactersOf(`^${NOT_NORMALIZED}`);

/** A normal form as it was in Unicode 12: the characters that came later stay, and part what stands around them. */
export const normalizeTo =
  (form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD') =>
  (text: string): string =>
    UNKNOWN.test(text) ? text.replace(KNOWN, (known) => known.normalize(form)) : text.normalize(form);
