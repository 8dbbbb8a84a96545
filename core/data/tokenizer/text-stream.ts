import type { Tokenizer } from './tokenizer';

/**
 * The text of ids that arrive one by one. What an id adds depends on those before it (a word piece, a first space that
 * is dropped, a character of several bytes), so it is decoded together with the ids since the text last grew, and those
 * of the growth before that. As in the tokenizers library, text that was returned is never taken back, even if a
 * decoder would write bytes differently once it sees that the bytes after them are not text.
 */
export class TextStream {
  #ids: readonly number[];
  #shown: string;
  /** How many of the ids `#shown` is the text of. */
  #before: number;

  readonly #tokenizer: Pick<Tokenizer, 'decode'>;

  /** @param context preceding ids, whose text is not returned again */
  constructor(tokenizer: Pick<Tokenizer, 'decode'>, context: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.#ids = context;
    this.#before = context.length;
    this.#shown = tokenizer.decode(context);
  }

  /** @returns the new text; empty while it ends inside a character */
  add(id: number): string {
    this.#ids = [...this.#ids, id];
    const text = this.#tokenizer.decode(this.#ids);
    if (text.length <= this.#shown.length || text.endsWith('\uFFFD')) return '';
    const added = text.slice(this.#shown.length);
    this.#ids = this.#ids.slice(this.#before);
    this.#before = this.#ids.length;
    this.#shown = this.#tokenizer.decode(this.#ids);
    return added;
  }

  /** @returns the rest at the end, which may be an incomplete character */
  end(): string {
    return this.#tokenizer.decode(this.#ids).slice(this.#shown.length);
  }
}
