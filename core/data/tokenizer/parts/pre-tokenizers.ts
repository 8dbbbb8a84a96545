import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { WORDS } from '../byte-level';
import { spellBytes } from './byte-text';
import { makePart, NoSettings, PartError, readPart } from './part';
import { BEHAVIORS, cutAt, readPattern } from './pattern';
import { literal } from './oniguruma';
import type { Pieces } from './text';
import { PUNCTUATION, WORD } from './unicode';

/** One step in cutting a text into the words that no token crosses: adds the pieces of a stretch to `out`. */
export type Step = (text: string, lead: number, out: Pieces) => void;

/** The step that writes a word as its bytes. It comes last in most tokenizers, and then is for words that are new alone. */
export const SPELL_BYTES: Step = (text, lead, out) => {
  out.add(spellBytes(text), Buffer.byteLength(text.slice(0, lead)));
};

/** @returns the steps, in order @throws PartError */
export const readPreTokenizer = (json: unknown): readonly Step[] =>
  makePart<readonly Step[]>('pre-tokenizer', json, {
    BertPreTokenizer: simple(cutAtSpaces, cutAt(one(PUNCTUATION), { behavior: 'Isolated', invert: false })),
    ByteLevel: byteLevel,
    CharDelimiterSplit: charDelimiterSplit,
    Digits: digits,
    FixedLength: fixedLength,
    Metaspace: metaspace,
    Punctuation: punctuation,
    Sequence: sequence,
    Split: split,
    Whitespace: simple(words),
    WhitespaceSplit: simple(cutAtSpaces),
  });

/** Matches one character of a class. */
const one = (members: string) => new RegExp(`[${members}]`, 'gv');

function simple(...steps: readonly Step[]) {
  return (settings: unknown, part: string) => {
    readPart(part, NoSettings, settings);
    return steps;
  };
}

function cutAtSpaces(text: string, lead: number, out: Pieces): void {
  takeMatches(/\P{White_Space}+/gu, text, lead, out);
}

const WORD_OR_SIGNS = new RegExp(`[${WORD}]+|[^[${WORD}\\p{White_Space}]]+`, 'gv');

function words(text: string, lead: number, out: Pieces): void {
  takeMatches(WORD_OR_SIGNS, text, lead, out);
}

/** Keeps what matches, and drops what is between. */
function takeMatches(expression: RegExp, text: string, lead: number, out: Pieces): void {
  if (lead === 0) for (const word of text.match(expression) ?? []) out.add(word, 0);
  else for (const { 0: word, index } of text.matchAll(expression)) out.addPart(text, lead, index, index + word.length);
}

const ByteLevel = z.strictObject({
  add_prefix_space: z.boolean(),
  /** About where tokens stand in the text, not about which they are. */
  trim_offsets: z.boolean().optional(),
  use_regex: z.boolean().default(true),
});

function byteLevel(settings: unknown, part: string): readonly Step[] {
  const { add_prefix_space: prefix, use_regex: cuts } = readPart(part, ByteLevel, settings);
  return [
    ...(prefix ? [prependTo(' ')] : []),
    ...(cuts ? [cutAt(WORDS, { behavior: 'Isolated', invert: false })] : []),
    SPELL_BYTES,
  ];
}

/** Puts a text before every piece that does not begin with it. */
const prependTo =
  (prefix: string): Step =>
  (text, lead, out) => {
    if (text.startsWith(prefix)) out.add(text, lead);
    else out.add(prefix + text, lead > 0 ? lead + prefix.length : 0);
  };

const Character = z.string().refine((text) => Array.from(text).length === 1, {
  error: () => l10n.t('it must be one character'),
});

function charDelimiterSplit(settings: unknown, part: string): readonly Step[] {
  const { delimiter } = readPart(part, z.strictObject({ delimiter: Character }), settings);
  return [cutAt(literal(delimiter), { behavior: 'Removed', invert: false })];
}

function digits(settings: unknown, part: string): readonly Step[] {
  const { individual_digits: single } = readPart(part, z.strictObject({ individual_digits: z.boolean() }), settings);
  return [cutAt(/\p{N}/gu, { behavior: single ? 'Isolated' : 'Contiguous', invert: false })];
}

function fixedLength(settings: unknown, part: string): readonly Step[] {
  const { length } = readPart(part, z.strictObject({ length: z.int().positive().default(5) }), settings);
  return [cutAt(new RegExp(`[\\s\\S]{1,${length}}`, 'gu'), { behavior: 'Isolated', invert: false })];
}

const Metaspace = z.strictObject({
  replacement: Character,
  prepend_scheme: z.enum(['always', 'first', 'never']).default('always'),
  split: z.boolean().nullish(),
  /** Of files from before there was a scheme. */
  add_prefix_space: z.boolean().nullish(),
  str_rep: z.string().nullish(),
});

/** The settings of a `Metaspace`, which is a decoder as well. @throws PartError */
export function readMetaspace(settings: unknown, part: string) {
  const { replacement, prepend_scheme: scheme, split, add_prefix_space } = readPart(part, Metaspace, settings);
  if (add_prefix_space === false && scheme !== 'never')
    throw new PartError(part, l10n.t`add_prefix_space is false, but prepend_scheme is ${scheme}`);
  return { replacement, scheme, splits: split ?? true };
}

function metaspace(settings: unknown, part: string): readonly Step[] {
  const { replacement, scheme, splits } = readMetaspace(settings, part);
  const prepend = prependTo(replacement);
  const cut = cutAt(literal(replacement), { behavior: 'MergedWithNext', invert: false });
  const steps: Step[] = [
    (text, lead, out) => {
      out.add(text.replaceAll(' ', replacement), lead);
    },
  ];
  if (scheme === 'always') steps.push(prepend);
  if (scheme === 'first')
    steps.push((text, lead, out) => {
      if (lead > 0) prepend(text, lead, out);
      else out.add(text, lead);
    });
  if (splits) steps.push(cut);
  return steps;
}

const Behavior = z.enum(BEHAVIORS);

function punctuation(settings: unknown, part: string): readonly Step[] {
  const { behavior } = readPart(part, z.strictObject({ behavior: Behavior.default('Isolated') }), settings);
  return [cutAt(one(PUNCTUATION), { behavior, invert: false })];
}

function split(settings: unknown, part: string): readonly Step[] {
  const Split = z.strictObject({ pattern: z.unknown(), behavior: Behavior, invert: z.boolean() });
  const { pattern, behavior, invert } = readPart(part, Split, settings);
  return [cutAt(readPattern(pattern, part), { behavior, invert })];
}

function sequence(settings: unknown, part: string): readonly Step[] {
  const { pretokenizers } = readPart(part, z.strictObject({ pretokenizers: z.array(z.unknown()) }), settings);
  return pretokenizers.flatMap(readPreTokenizer);
}
