import { detached } from './byte-level';

/** Maximum number of cached words; a language has far fewer frequent words. */
const MAX_WORDS = 2 ** 18;

/** Longer words are rare, and a hostile text could fill the memory with them. */
const MAX_WORD_LENGTH = 64;

/**
 * Remembers the ids of words: each distinct word is encoded once, which makes long texts several times faster.
 * @param encode adds the ids of a word to `out`
 */
export function rememberWords(
  encode: (word: string, out: number[]) => void,
): (words: readonly string[], out: number[]) => void {
  const cache = new Map<string, readonly number[]>();
  return (words, out) => {
    for (const word of words) {
      let ids = cache.get(word);
      if (ids === undefined) {
        const fresh: number[] = [];
        encode(word, fresh);
        ids = fresh;
        if (word.length <= MAX_WORD_LENGTH) {
          if (cache.size >= MAX_WORDS) cache.clear();
          cache.set(detached(word), ids);
        }
      }
      for (const id of ids) out.push(id);
    }
  };
}
