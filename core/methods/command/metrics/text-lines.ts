import { TextDecoder } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { Troubles } from './troubles';

/** A longer line is no row of metrics; it is passed over, not kept in memory. */
const LONGEST = 64 * 2 ** 20;
/** Bytes of the longest byte order mark that is known. */
const MARK_BYTES = 3;

/** The lines of a text file that comes piece by piece, in UTF-8 or in what its byte order mark says, whatever ends them. */
export class TextLines {
  #decoder: TextDecoder | undefined;
  #first = Buffer.alloc(0);
  #held: string[] = [];
  #heldLength = 0;
  #afterReturn = false;
  #tooLong = false;
  #binary = false;

  constructor(readonly troubles: Troubles) {}

  /** @returns the lines that are whole by now, without their ends */
  push(bytes: Buffer): string[] {
    if (this.#binary) return [];
    if (this.#decoder) return this.#split(this.#decoder.decode(bytes, { stream: true }));
    this.#first = Buffer.concat([this.#first, bytes]);
    return this.#first.length < MARK_BYTES ? [] : this.#begin();
  }

  /** @returns the last line, where it has no end */
  end(): string[] {
    if (this.#binary) return [];
    const lines = this.#decoder ? [] : this.#begin();
    lines.push(...this.#split(this.#decoder?.decode() ?? ''));
    const last = this.#held.join('');
    this.#held = [];
    this.#heldLength = 0;
    if (last !== '' && !this.#tooLong) lines.push(last);
    this.#tooLong = false;
    return lines;
  }

  #begin(): string[] {
    const [a, b] = this.#first;
    const encoding = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : 'utf-8';
    this.#decoder = new TextDecoder(encoding);
    const lines = this.#split(this.#decoder.decode(this.#first, { stream: true }));
    this.#first = Buffer.alloc(0);
    return lines;
  }

  #split(text: string): string[] {
    if (text.includes('\0')) {
      this.#binary = true;
      this.#held = [];
      this.troubles.ofFile(
        'binary',
        l10n.t(
          'it is neither UTF-8 text nor UTF-16 text with a byte order mark. Write it as plain, uncompressed text.',
        ),
      );
      return [];
    }
    if (text === '') return [];
    // Windows' end of a line may be cut in two by the pieces.
    const rest = this.#afterReturn && text.startsWith('\n') ? text.slice(1) : text;
    this.#afterReturn = text.endsWith('\r');
    const parts = rest.split(/\r\n|\n|\r/);
    const last = parts.pop() ?? '';
    const lines: string[] = [];
    for (const part of parts) {
      const line = this.#held.length === 0 ? part : this.#held.join('') + part;
      this.#held = [];
      this.#heldLength = 0;
      if (!this.#tooLong) lines.push(line);
      this.#tooLong = false;
    }
    if (!this.#tooLong && last !== '') this.#hold(last);
    return lines;
  }

  #hold(text: string): void {
    this.#held.push(text);
    this.#heldLength += text.length;
    if (this.#heldLength <= LONGEST) return;
    this.#held = [];
    this.#heldLength = 0;
    this.#tooLong = true;
    const most = LONGEST / 2 ** 20;
    this.troubles.ofRow('long', (count) =>
      count === 1
        ? l10n.t`1 line was skipped: longer than ${most} million characters.`
        : l10n.t`${count} lines were skipped: longer than ${most} million characters.`,
    );
  }
}
