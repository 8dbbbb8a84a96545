import type { Tokenizer } from './tokenizer';

/**
 * The text of ids that come one by one. What an id adds depends on those before it (a word piece, a first space that is
 * dropped, a character of several bytes), so some of them are decoded with it: those since the text last grew, and those that
 * it grew by then. As the tokenizers library streams: what is given is not taken back, not even where a decoder would write
 * bytes otherwise once it sees that those behind them are no text.
 */
export class TextStream {
  #ids: readonly number[];
  #shown: string;
  /** How many of the ids `#shown` is the text of. */
  #before: number;

  /** @param context ids before the first, whose text is not given again */
  constructor(
    private readonly tokenizer: Pick<Tokenizer, 'decode'>,
    context: readonly number[],
  ) {
    this.#ids = context;
    this.#before = context.length;
    this.#shown = tokenizer.decode(context);
  }

  /** @returns the text that is new, empty while it ends inside of a character */
  add(id: number): string {
    this.#ids = [...this.#ids, id];
    const text = this.tokenizer.decode(this.#ids);
    if (text.length <= this.#shown.length || text.endsWith('\uFFFD')) return '';
    const added = text.slice(this.#shown.length);
    this.#ids = this.#ids.slice(this.#before);
    this.#before = this.#ids.length;
    this.#shown = this.tokenizer.decode(this.#ids);
    return added;
  }

  /** @returns what is left at the end, which may be no whole character */
  end(): string {
    return this.tokenizer.decode(this.#ids).slice(this.#shown.length);
  }
}
