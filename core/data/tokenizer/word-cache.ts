import { detached, WORDS } from './byte-level';

/** Words kept; the text of a language has far fewer that are frequent. */
const MAX_WORDS = 2 ** 18;

/** Longer words are rare, and would fill the memory of a hostile text. */
const MAX_WORD_LENGTH = 64;

/**
 * Wraps the encoder of a byte-level tokenizer, for which the ids of a text are those of its words one after the other:
 * each distinct word is encoded once, which makes long texts several times faster. A text that spells one of the added
 * tokens is cut around it by the tokenizer before words are, so it goes to the encoder whole.
 */
export function encodeByWords(
  encode: (text: string) => number[],
  addedTokens: readonly string[],
): (text: string) => number[] {
  const cache = new Map<string, readonly number[]>();
  return (text) => {
    if (addedTokens.some((token) => text.includes(token))) return encode(text);
    const ids: number[] = [];
    for (const word of text.match(WORDS) ?? []) {
      let wordIds = cache.get(word);
      if (wordIds === undefined) {
        wordIds = encode(word);
        if (cache.size >= MAX_WORDS) cache.clear();
        if (word.length <= MAX_WORD_LENGTH) cache.set(detached(word), wordIds);
      }
      for (const id of wordIds) ids.push(id);
    }
    return ids;
  };
}
