import { style } from '../terminal-text';

/** An escape sequence that only sets colors. */
const COLOR = /\u001b\[([\d;:]*)m/g; // eslint-disable-line no-control-regex -- it begins with an escape

/** The start of something that may continue in the next piece: a color sequence, or a line ending. */
const UNFINISHED = /(?:\u001b(?:\[[\d;:]*)?|\r)$/; // eslint-disable-line no-control-regex -- as above

/**
 * Prepares a program's output, piece by piece, for `write`: keeps colors if `colors` is set and removes them otherwise,
 * and turns each state of a progress bar, which overwrites the one before, into a line.
 */
export class ProgramText {
  #rest = '';
  #colored = false;

  readonly #colors: boolean;

  constructor(colors: boolean) {
    this.#colors = colors;
  }

  add(piece: string): string {
    const text = this.#rest + piece;
    this.#rest = UNFINISHED.exec(text)?.[0] ?? '';
    return this.#ready(text.slice(0, text.length - this.#rest.length));
  }

  /** The text that was held back, and a reset if the program left a color on. */
  end(): string {
    const last = this.#ready(this.#rest);
    this.#rest = '';
    return last + (this.#colored ? style('0') : '');
  }

  #ready(text: string): string {
    return text.replaceAll(/\r\n?/g, '\n').replaceAll(COLOR, (_, codes: string) => {
      if (!this.#colors) return '';
      this.#colored = true;
      return style(codes === '' ? '0' : codes);
    });
  }
}
