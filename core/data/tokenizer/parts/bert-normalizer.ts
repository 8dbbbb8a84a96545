import * as z from 'zod';
import { readPart } from './part';
import { charactersOf } from './text';
import { BERT_ACCENT, BERT_CONTROL } from './unicode';
import { lowercase, normalizeTo } from './unicode-text';

const Settings = z.strictObject({
  clean_text: z.boolean(),
  handle_chinese_chars: z.boolean(),
  /** Null: only if text is lowercased. */
  strip_accents: z.boolean().nullish(),
  lowercase: z.boolean(),
});

const CONTROLS = charactersOf(BERT_CONTROL);
const ACCENTS = charactersOf(BERT_ACCENT);
const SPACES = /\p{White_Space}/gu;
/** The blocks of BERT's own tokenizer. One begins at U+2B920 in the library, but at U+2B820 in BERT. */
const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** BERT's normalizer. @throws PartError */
export function bertNormalizer(json: unknown, part: string): (text: string) => string {
  const settings = readPart(part, Settings, json);
  const accents = settings.strip_accents ?? settings.lowercase;
  const decompose = normalizeTo('NFD');
  return (given) => {
    let text = given;
    if (settings.clean_text) text = text.replace(CONTROLS, '').replace(SPACES, ' ');
    if (settings.handle_chinese_chars) text = text.replace(CHINESE, ' $& ');
    if (accents) text = decompose(text).replace(ACCENTS, '');
    return settings.lowercase ? lowercase(text) : text;
  };
}
