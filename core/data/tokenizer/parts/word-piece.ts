import * as z from 'zod';
import type { Model } from './model';
import { readPart } from './part';
import { readVocabulary, unknownText, VocabularyObject } from './vocabulary';

const Settings = z.strictObject({
  vocab: VocabularyObject,
  unk_token: z.string(),
  continuing_subword_prefix: z.string(),
  max_input_chars_per_word: z.int().nonnegative(),
});

/** Greedy longest match first (BERT): the longest piece that begins a word, then the longest that continues it. */
export class WordPiece implements Model {
  readonly size: number;
  readonly tokens: ReadonlyMap<number, string>;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #unknown: number | undefined;
  readonly #prefix: string;
  readonly #maxCharacters: number;
  /** UTF-16 units of the longest token: longer pieces need not be looked up. */
  readonly #longest: number;

  /** @throws PartError */
  constructor(json: unknown, part: string) {
    const settings = readPart(part, Settings, json);
    const { ids, tokens } = readVocabulary(settings.vocab, part);
    this.#ids = ids;
    this.tokens = tokens;
    this.size = ids.size;
    this.#unknown = ids.get(settings.unk_token);
    this.#prefix = settings.continuing_subword_prefix;
    this.#maxCharacters = settings.max_input_chars_per_word;
    this.#longest = [...ids.keys()].reduce((longest, token) => Math.max(longest, token.length), 0);
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  encode(word: string, out: number[]): void {
    const pieces = this.#pieces(word);
    if (pieces) for (const id of pieces) out.push(id);
    else if (this.#unknown === undefined) throw unknownText(word);
    else out.push(this.#unknown);
  }

  /** Undefined if a part of the word has no piece: then the whole word is unknown. */
  #pieces(word: string): number[] | undefined {
    if (word.length > this.#maxCharacters && Array.from(word).length > this.#maxCharacters) return undefined;
    const pieces: number[] = [];
    for (let start = 0; start < word.length;) {
      const prefix = start > 0 ? this.#prefix : '';
      let end = Math.min(word.length, start + this.#longest);
      let id: number | undefined;
      while (end > start && (id = this.#ids.get(prefix + word.slice(start, end))) === undefined) end--;
      if (id === undefined) return undefined;
      pieces.push(id);
      start = end;
    }
    return pieces;
  }
}
