import type { Hash } from 'node:crypto';
import { Numbers } from './numbers';

const PAGE_BYTES = 2 ** 24;

/**
 * Texts as UTF-8 in a few large buffers, decoded on demand: 8 bytes each in addition to the text, and nothing for the
 * garbage collector to scan.
 */
export class TextColumn {
  readonly #pages: Buffer[] = [];
  /** Where each text ends, as an offset over all pages. */
  readonly #ends = Numbers.floats();
  #used = 0;

  get size(): number {
    return this.#ends.size;
  }

  add(text: string): void {
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length;) {
      const inPage = this.#used % PAGE_BYTES;
      if (inPage === 0) this.#pages.push(Buffer.allocUnsafe(PAGE_BYTES));
      const length = Math.min(bytes.length - from, PAGE_BYTES - inPage);
      bytes.copy(this.#pages.at(-1)!, inPage, from, from + length);
      from += length;
      this.#used += length;
    }
    this.#ends.add(this.#used);
  }

  at(index: number): string {
    return this.#bytes(index).toString('utf8');
  }

  /** Adds a text and its length to a hash. */
  update(hash: Hash, index: number): void {
    const bytes = this.#bytes(index);
    hash.update(`${bytes.length}:`).update(bytes);
  }

  /** The bytes of a text; copied only if it spans several pages. */
  #bytes(index: number): Buffer {
    const end = this.#ends.at(index);
    const parts: Buffer[] = [];
    for (let from = index === 0 ? 0 : this.#ends.at(index - 1); from < end;) {
      const inPage = from % PAGE_BYTES;
      const length = Math.min(end - from, PAGE_BYTES - inPage);
      parts.push(this.#pages[Math.floor(from / PAGE_BYTES)]!.subarray(inPage, inPage + length));
      from += length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}
