/** Turns words into tokens. */
export interface Model {
  /** Number of tokens. */
  readonly size: number;
  /** The tokens by id, possibly with gaps. */
  readonly tokens: ReadonlyMap<number, string>;
  readonly idOf: (token: string) => number | undefined;
  /** Adds the ids of a word to `out`. @throws UserError `tokenizer.unknown-text` */
  readonly encode: (word: string, out: number[]) => void;
}
