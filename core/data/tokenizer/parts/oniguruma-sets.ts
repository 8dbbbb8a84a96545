import { property } from './unicode';

/** Oniguruma's classes and anchors as JavaScript regular expressions with the flag `v`. */

export const escaped = (character: string): string =>
  /[\^$\\.*+?()[\]{}|/]/u.test(character) ? `\\${character}` : character;

/** Inside a class, more characters are special, and doubled punctuation is reserved. */
export const escapedInClass = (character: string): string =>
  /[()[\]{}/\-\\|&!#$%*+,.:;<=>?@^`~]/u.test(character) ? `\\${character}` : character;

const WORD_CHARACTERS = ['Alphabetic', 'M', 'Nd', 'Pc'].map(property).join('');
/** Outside a class, `\w` also matches these digits. */
const WORD_OUTSIDE = String.raw`[${WORD_CHARACTERS}\u00b2\u00b3\u00b9\u00bc-\u00be]`;

/** Letter shorthands, with their meaning outside brackets. */
export const SHORTHANDS: Readonly<Record<string, string>> = {
  s: String.raw`\p{White_Space}`,
  d: property('Nd'),
  w: WORD_OUTSIDE,
  h: '[0-9A-Fa-f]',
};

export const POSIX: Readonly<Record<string, string>> = {
  alpha: property('Alphabetic'),
  digit: property('Nd'),
  alnum: `[${property('Alphabetic')}${property('Nd')}]`,
  upper: property('Uppercase'),
  space: String.raw`\p{White_Space}`,
  blank: String.raw`[\t\p{Zs}]`,
  cntrl: String.raw`\p{Cc}`,
  punct: `[${property('P')}${property('S')}]`,
  xdigit: '[0-9A-Fa-f]',
  word: `[${WORD_CHARACTERS}]`,
};

export const CATEGORIES =
  /^(?:L|Lu|Ll|Lt|Lm|Lo|M|Mn|Mc|Me|N|Nd|Nl|No|P|Pc|Pd|Ps|Pe|Pi|Pf|Po|S|Sm|Sc|Sk|So|Z|Zs|Zl|Zp|C|Cc|Cf|Co|Cn|Alphabetic)$/;
/** Scripts that tokenizers' patterns use, written there without `Script=`. */
export const SCRIPTS =
  /^(?:Arabic|Armenian|Bengali|Cyrillic|Devanagari|Georgian|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Thai)$/;

export const ANYTHING = String.raw`[\s\S]`;

export const ANCHORS: Readonly<Record<string, string>> = {
  A: `(?<!${ANYTHING})`,
  z: `(?!${ANYTHING})`,
  Z: `(?=\\n?(?!${ANYTHING}))`,
  b: `(?:(?<!${WORD_OUTSIDE})(?=${WORD_OUTSIDE})|(?<=${WORD_OUTSIDE})(?!${WORD_OUTSIDE}))`,
  B: `(?:(?<!${WORD_OUTSIDE})(?!${WORD_OUTSIDE})|(?<=${WORD_OUTSIDE})(?=${WORD_OUTSIDE}))`,
};
