import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

/** Longer lines are split, so that a program that never prints a newline cannot exhaust the memory. */
const LONGEST_LINE = 1 << 20;

export interface Printed {
  /** Without colors and other terminal escape codes. */
  readonly text: string;
  /** Whether the line is complete; until then a progress bar overwrites it (`\r`). */
  readonly final: boolean;
  /** A piece of a line that is too long to be kept whole. */
  readonly torn?: true;
}

/** Splits the bytes that a program prints into lines. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';
  #torn = false;

  constructor(readonly onPrinted: (printed: Printed) => void) {}

  push(bytes: Buffer): void {
    this.#take(this.#decoder.write(bytes));
  }

  end(): void {
    this.#take(this.#decoder.end());
    if (this.#held !== '') this.#emit(this.#held, true);
    this.#held = '';
  }

  #take(text: string): void {
    const all = this.#held + text;
    const endings = /\r\n|\n|\r(?=[^\n])/g;
    // The held text contains no line ending, except perhaps a final `\r` whose next character had not arrived.
    endings.lastIndex = Math.max(0, this.#held.length - 1);
    let start = 0;
    for (let match = endings.exec(all); match; match = endings.exec(all)) {
      this.#emit(all.slice(start, match.index), match[0] !== '\r');
      this.#torn = false;
      start = match.index + match[0].length;
    }
    this.#held = all.slice(start);
    if (this.#held.length < LONGEST_LINE) return;
    this.#torn = true;
    this.#emit(this.#held, true);
    this.#held = '';
  }

  #emit(raw: string, final: boolean): void {
    const text = stripVTControlCharacters(raw).trimEnd();
    if (final || text !== '') this.onPrinted({ text, final, ...(this.#torn && { torn: true }) });
  }
}
