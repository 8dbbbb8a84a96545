/** What was not understood in a file, as sentences about "it": each kind once, with its first example and its number. */
export class Troubles {
  readonly #file = new Map<string, string>();
  readonly #rows = new Map<string, { count: number; readonly tell: (count: number) => string }>();

  /** Something about the whole file. */
  ofFile(kind: string, sentence: string): void {
    if (!this.#file.has(kind)) this.#file.set(kind, sentence);
  }

  /**
   * Something about one row.
   * @param kind what makes two troubles one
   * @param tell makes the sentences, of how often it came; that of the first time counts
   */
  ofRow(kind: string, tell: (count: number) => string): void {
    const known = this.#rows.get(kind);
    if (known) known.count++;
    else this.#rows.set(kind, { count: 1, tell });
  }

  /** The rows so far are not what is being looked for. */
  forgetRows(): void {
    this.#rows.clear();
  }

  clear(): void {
    this.#file.clear();
    this.#rows.clear();
  }

  sentences(): string[] {
    return [...this.#file.values(), ...[...this.#rows.values()].map(({ count, tell }) => tell(count))];
  }
}

/** A text out of a file, as a message shows it. */
export const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
