/** Turns the words of a text into tokens. */
export interface Model {
  /** Number of tokens. */
  readonly size: number;
  /** The tokens by id; there may be gaps. */
  readonly tokens: ReadonlyMap<number, string>;
  readonly idOf: (token: string) => number | undefined;
  /** Adds the ids of a word to `out`. @throws UserError `tokenizer.unknown-text` */
  readonly encode: (word: string, out: number[]) => void;
}
