import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

/** A program that prints no end of a line must not fill the memory. */
const LONGEST_LINE = 1 << 16;

export interface Printed {
  /** Without colours and other terminal codes. */
  readonly text: string;
  /** Whether the line is done; a progress bar writes over what it wrote (`\r`) until then. */
  readonly final: boolean;
}

/** Cuts the bytes that a program prints into lines. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

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
    let start = 0;
    for (const { index, 0: ending } of all.matchAll(/\r\n|\n|\r(?=[^\n])/g)) {
      this.#emit(all.slice(start, index), ending !== '\r');
      start = index + ending.length;
    }
    this.#held = all.slice(start);
    if (this.#held.length < LONGEST_LINE) return;
    this.#emit(this.#held, true);
    this.#held = '';
  }

  #emit(raw: string, final: boolean): void {
    const text = stripVTControlCharacters(raw).trimEnd();
    if (final || text !== '') this.onPrinted({ text, final });
  }
}
