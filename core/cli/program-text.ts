import { style } from '../terminal-text';

/** A sequence that sets colors, and nothing else. */
const COLOR = /\u001b\[([\d;:]*)m/g; // eslint-disable-line no-control-regex -- it begins with an escape

/** The beginning of what may go on in the next piece: of a color, or of a line's end. */
const UNFINISHED = /(?:\u001b(?:\[[\d;:]*)?|\r)$/; // eslint-disable-line no-control-regex -- as above

/**
 * What a program printed, piece by piece, made ready for `write`: its colors are kept where `colors` says so and left out
 * elsewhere, and each state of a progress bar, which a program draws over the one before, is a line.
 */
export class ProgramText {
  #rest = '';
  #colored = false;

  constructor(private readonly colors: boolean) {}

  add(piece: string): string {
    const text = this.#rest + piece;
    this.#rest = UNFINISHED.exec(text)?.[0] ?? '';
    return this.#ready(text.slice(0, text.length - this.#rest.length));
  }

  /** What was held back, and the end of a color that the program has left on. */
  end(): string {
    const last = this.#ready(this.#rest);
    this.#rest = '';
    return last + (this.#colored ? style('0') : '');
  }

  #ready(text: string): string {
    return text.replaceAll(/\r\n?/g, '\n').replaceAll(COLOR, (_, codes: string) => {
      if (!this.colors) return '';
      this.#colored = true;
      return style(codes === '' ? '0' : codes);
    });
  }
}
