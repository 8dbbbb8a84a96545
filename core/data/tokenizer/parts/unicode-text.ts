import { charactersOf } from './text';
import { NOT_NORMALIZED } from './unicode';

/** Lowercases letter by letter: JavaScript uses another sigma at the end of a word. */
export const lowercase = (text: string): string => text.replaceAll('Σ', 'σ').toLowerCase();

const UNKNOWN = charactersOf(NOT_NORMALIZED, 'v');
const KNOWN = charactersOf(`^${NOT_NORMALIZED}`);

/** Normalizes as in Unicode 12: later characters stay unchanged, and separate the text around them. */
export const normalizeTo =
  (form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD') =>
  (text: string): string =>
    UNKNOWN.test(text) ? text.replace(KNOWN, (known) => known.normalize(form)) : text.normalize(form);
