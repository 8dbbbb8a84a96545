/** Collects problems with a file as sentences about "it": each kind once, with its first example and a count. */
export class Troubles {
  readonly #file = new Map<string, string>();
  readonly #rows = new Map<string, { count: number; readonly tell: (count: number) => string }>();

  /** A problem with the whole file. */
  ofFile(kind: string, sentence: string): void {
    if (!this.#file.has(kind)) this.#file.set(kind, sentence);
  }

  /**
   * A problem with one row.
   * @param kind problems of one kind are counted together
   * @param tell makes the sentence from the count; the first one of a kind is used
   */
  ofRow(kind: string, tell: (count: number) => string): void {
    const known = this.#rows.get(kind);
    if (known) known.count++;
    else this.#rows.set(kind, { count: 1, tell });
  }

  /** Forgets the problems of rows, because the rows so far do not belong to this run. */
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

/** Text from a file, quoted and shortened for messages. */
export const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
