import type { AddedTokens } from './parts/added-tokens';
import type { Model } from './parts/model';
import { SPELL_BYTES, type Step } from './parts/pre-tokenizers';
import { spellBytes } from './parts/byte-text';
import { Pieces, type Normalizer, type Stretch } from './parts/text';
import { rememberWords } from './word-cache';

/**
 * Encodes a text without what the post-processor adds: added tokens are found, the text between them is normalized and
 * split into words, and the model turns each word into tokens.
 */
export function encoderOf(
  model: Model,
  added: AddedTokens,
  normalize: Normalizer | undefined,
  steps: readonly Step[],
): (text: string) => number[] {
  // The word cache is keyed by the original spelling, so only new words are spelled in bytes.
  const inBytes = steps.at(-1) === SPELL_BYTES;
  const cuts = inBytes ? steps.slice(0, -1) : steps;
  const addWords = rememberWords(
    inBytes
      ? (word, out) => {
          model.encode(spellBytes(word), out);
        }
      : (word, out) => {
          model.encode(word, out);
        },
  );
  return (text) => {
    const ids: number[] = [];
    // A lone surrogate is not a character: in UTF-8, which the library reads, it is U+FFFD.
    for (const section of added.sections(wellFormed(text), normalize))
      if (typeof section === 'number') ids.push(section);
      else addWords(wordsOf(section, cuts), ids);
    return ids;
  };
}

/** The words of a normalized text. */
export function wordsOf({ text, lead }: Stretch, steps: readonly Step[]): readonly string[] {
  let pieces = new Pieces();
  pieces.add(text, lead);
  for (const step of steps) {
    const next = new Pieces();
    for (const [i, piece] of pieces.texts.entries()) step(piece, pieces.leads[i]!, next);
    pieces = next;
  }
  return pieces.texts;
}

const HALF_PAIRS = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const wellFormed = (text: string): string => text.replace(HALF_PAIRS, '\ufffd');
