import * as z from 'zod';
import { bertNormalizer } from './bert-normalizer';
import { spellBytes } from './byte-text';
import { makePart, NoSettings, readPart } from './part';
import { readPattern, spansOf } from './pattern';
import { precompiled } from './precompiled';
import { charactersOf, type Normalizer } from './text';
import { lowercase, normalizeTo } from './unicode-text';
import { MARK } from './unicode';

/** A normalizer that treats every character the same, wherever it is. */
const each =
  (rewrite: (text: string) => string): Normalizer =>
  ({ text, lead }) => ({ text: rewrite(text), lead: lead === 0 ? 0 : rewrite(text.slice(0, lead)).length });

const simple = (rewrite: (text: string) => string) => (settings: unknown, part: string) => {
  readPart(part, NoSettings, settings);
  return each(rewrite);
};

/** @throws PartError */
export const readNormalizer = (json: unknown): Normalizer =>
  makePart<Normalizer>('normalizer', json, {
    BertNormalizer: (settings, part) => each(bertNormalizer(settings, part)),
    ByteLevel: simple(spellBytes),
    Lowercase: simple(lowercase),
    NFC: simple(normalizeTo('NFC')),
    NFD: simple(normalizeTo('NFD')),
    NFKC: simple(normalizeTo('NFKC')),
    NFKD: simple(normalizeTo('NFKD')),
    Nmt: simple(nmt),
    Precompiled: precompiled,
    Prepend: prepend,
    Replace: replace,
    Sequence: sequence,
    Strip: strip,
    StripAccents: simple(stripAccents),
  });

function sequence(settings: unknown, part: string): Normalizer {
  const { normalizers } = readPart(part, z.strictObject({ normalizers: z.array(z.unknown()) }), settings);
  const made = normalizers.map(readNormalizer);
  return (stretch) => made.reduce((result, normalize) => normalize(result), stretch);
}

function prepend(settings: unknown, part: string): Normalizer {
  const { prepend: added } = readPart(part, z.strictObject({ prepend: z.string() }), settings);
  return ({ text, lead }) =>
    text === '' ? { text, lead } : { text: added + text, lead: lead > 0 ? lead + added.length : 0 };
}

function replace(settings: unknown, part: string): Normalizer {
  const Settings = z.strictObject({ pattern: z.unknown(), content: z.string() });
  const { pattern, content } = readPart(part, Settings, settings);
  const expression = readPattern(pattern, part, false);
  return ({ text, lead }) => {
    let result = '';
    let newLead = 0;
    for (const { start, end, match } of spansOf(expression, text)) {
      const kept = match ? content : text.slice(start, end);
      // The replacement belongs to the last character of the match.
      if (end <= lead) newLead += kept.length;
      else if (!match && start < lead) newLead += lead - start;
      result += kept;
    }
    return { text: result, lead: newLead };
  };
}

function strip(settings: unknown, part: string): Normalizer {
  const Settings = z.strictObject({ strip_left: z.boolean(), strip_right: z.boolean() });
  const { strip_left: left, strip_right: right } = readPart(part, Settings, settings);
  const space = /^\p{White_Space}$/u;
  return ({ text, lead }) => {
    let start = 0;
    let end = text.length;
    while (left && start < end && space.test(text[start]!)) start++;
    while (right && start < end && space.test(text[end - 1]!)) end--;
    return { text: text.slice(start, end), lead: Math.max(0, Math.min(lead, end) - start) };
  };
}

const MARKS = charactersOf(MARK);
const stripAccents = (text: string) => text.replace(MARKS, '');

const NMT_DROPPED = charactersOf(String.raw`\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f`);

/** The rules of SentencePiece's Nmt normalizer, without its Unicode normalization. */
const nmt = (text: string) =>
  text.replace(NMT_DROPPED, '').replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, ' ');
