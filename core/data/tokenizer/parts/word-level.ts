import * as z from 'zod';
import type { Model } from './model';
import { readPart } from './part';
import { readVocabulary, unknownText, VocabularyObject } from './vocabulary';

/** A whole word is a token, or unknown. */
export class WordLevel implements Model {
  readonly size: number;
  readonly tokens: ReadonlyMap<number, string>;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #unknown: number | undefined;

  /** @throws PartError */
  constructor(json: unknown, part: string) {
    const settings = readPart(part, z.strictObject({ vocab: VocabularyObject, unk_token: z.string() }), json);
    const { ids, tokens } = readVocabulary(settings.vocab, part);
    this.#ids = ids;
    this.tokens = tokens;
    this.size = ids.size;
    this.#unknown = ids.get(settings.unk_token);
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  encode(word: string, out: number[]): void {
    const id = this.#ids.get(word) ?? this.#unknown;
    if (id === undefined) throw unknownText(word);
    out.push(id);
  }
}
