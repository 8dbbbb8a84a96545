import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { readNormalizer } from '../../../core/data/tokenizer/parts/normalizers';
import { readPreTokenizer } from '../../../core/data/tokenizer/parts/pre-tokenizers';
import { Pieces } from '../../../core/data/tokenizer/parts/text';
import { PYTHON, skip } from '../../tokenizers/library';

/** What a part leaves of texts: the normalized texts, or the pieces. */
const SCRIPT = `
import json, sys
from tokenizers import Tokenizer
given = json.load(sys.stdin)
out = []
for part in given['parts']:
    whole = {'version': '1.0', 'added_tokens': [], 'model': {'type': 'WordLevel', 'vocab': {'a': 0}, 'unk_token': 'a'}, **part}
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    if 'normalizer' in part: out.append([tokenizer.normalizer.normalize_str(text) for text in given['texts']])
    else: out.append([''.join(piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)) for text in given['texts']])
json.dump(out, sys.stdout)
`;

describe('every character of Unicode', { skip }, () => {
  const split = (Regex: string) => ({
    type: 'Split',
    pattern: { Regex },
    behavior: 'Removed',
    invert: false,
  });
  const bert = (changes: Record<string, boolean>) => ({
    type: 'BertNormalizer',
    clean_text: false,
    handle_chinese_chars: false,
    strip_accents: false,
    lowercase: false,
    ...changes,
  });
  type Part = { readonly normalizer: unknown } | { readonly pre_tokenizer: unknown };
  const parts: Record<string, Part> = {
    ...Object.fromEntries(
      ['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Nmt', 'ByteLevel'].map((type) => [
        type,
        { normalizer: { type } },
      ]),
    ),
    'BertNormalizer, clean_text': { normalizer: bert({ clean_text: true }) },
    'BertNormalizer, handle_chinese_chars': { normalizer: bert({ handle_chinese_chars: true }) },
    'BertNormalizer, strip_accents': { normalizer: bert({ strip_accents: true }) },
    'BertNormalizer, lowercase': { normalizer: bert({ lowercase: true }) },
    WhitespaceSplit: { pre_tokenizer: { type: 'WhitespaceSplit' } },
    'Punctuation, Removed': { pre_tokenizer: { type: 'Punctuation', behavior: 'Removed' } },
    ...Object.fromEntries(
      [
        ...[
          'L',
          'Lu',
          'Ll',
          'Lt',
          'Lm',
          'Lo',
          'M',
          'Mn',
          'Mc',
          'Me',
          'N',
          'Nd',
          'Nl',
          'No',
          'P',
          'Pc',
          'Pd',
          'Ps',
          'Pe',
        ],
        ...[
          'Pi',
          'Pf',
          'Po',
          'S',
          'Sm',
          'Sc',
          'Sk',
          'So',
          'Z',
          'Zs',
          'Zl',
          'Zp',
          'C',
          'Cc',
          'Cf',
          'Co',
          'Cn',
          'Alphabetic',
        ],
        ...['Arabic', 'Armenian', 'Bengali', 'Cyrillic', 'Devanagari', 'Georgian', 'Greek', 'Han', 'Hangul', 'Hebrew'],
        ...['Hiragana', 'Katakana', 'Latin', 'Thai'],
      ].map((name) => [`\\p{${name}}`, { pre_tokenizer: split(`\\p{${name}}`) }]),
    ),
    ...Object.fromEntries(
      [
        ...[
          '\\s',
          '\\S',
          '\\d',
          '\\D',
          '\\w',
          '\\W',
          '\\h',
          '\\H',
          '[\\w]',
          '[^\\w]',
          '.',
          '(?i:s)',
          '(?i:k)',
          '(?i:z)',
        ],
        ...['alpha', 'digit', 'alnum', 'upper', 'space', 'blank', 'cntrl', 'punct', 'xdigit', 'word'].flatMap(
          (name) => [`[[:${name}:]]`, `[[:^${name}:]]`],
        ),
      ].map((Regex) => [Regex, { pre_tokenizer: split(Regex) }]),
    ),
  };

  const assigned = Array.from({ length: 0x110000 }, (_, code) => code)
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code))
    // Of the large blocks, in which all characters are alike, some will do.
    .filter((character) => !/[\p{Cn}\p{Co}]/u.test(character) || character.codePointAt(0)! % 256 === 0)
    .filter((character) => !/[\p{Script=Han}\uac00-\ud7a3]/u.test(character) || character.codePointAt(0)! % 16 === 0);
  // Each between bars, so that none changes its neighbors.
  const texts: string[] = [];
  for (let i = 0; i < assigned.length; i += 1024)
    texts.push(
      assigned
        .slice(i, i + 1024)
        .map((character) => `|${character}`)
        .join(''),
    );

  it('is to each part what it is in the Python library', () => {
    const run = spawnSync(PYTHON, ['-c', SCRIPT], {
      input: JSON.stringify({ parts: Object.values(parts), texts }),
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    assert.equal(run.status, 0, run.stderr);
    const expected = z.array(z.array(z.string())).parse(JSON.parse(run.stdout));
    for (const [i, [name, part]] of Object.entries(parts).entries()) {
      const apply = ours(part);
      for (const [k, text] of texts.entries()) {
        const made = apply(text).split('|');
        const theirs = expected[i]![k]!.split('|');
        const at = made.findIndex((character, n) => character !== theirs[n]);
        const code = assigned[1024 * k + at - 1]?.codePointAt(0)?.toString(16);
        assert.ok(at < 0 && made.length === theirs.length, `${name}: U+${code} becomes ${made[at]}, not ${theirs[at]}`);
      }
    }
  });

  function ours(part: Part): (text: string) => string {
    if ('normalizer' in part) {
      const normalize = readNormalizer(part.normalizer);
      return (text) => normalize({ text, lead: 0 }).text;
    }
    const steps = readPreTokenizer(part.pre_tokenizer);
    return (text) => {
      let pieces = [text];
      for (const step of steps) {
        const next = new Pieces();
        for (const piece of pieces) step(piece, 0, next);
        pieces = next.texts;
      }
      return pieces.join('');
    };
  }
});
