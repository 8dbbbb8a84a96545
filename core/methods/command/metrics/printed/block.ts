/** A longer block is not a printed object. */
const MOST_LINES = 5_000;
/** A line inside a printed object: a key, a value, brackets. */
const INSIDE =
  /^\s*(?:["'][^"']*["']\s*:|[\]}),]+\s*$|["'{[]|[-+]?[\d.][\d.eE+-]*\s*[,\]}]?\s*$|(?:true|false|null|none|nan|-?infinity)\s*[,\]}]*\s*$)/i;

/** Collects an object that is printed over several lines. */
export class Block {
  #lines: string[] = [];
  #depth = 0;

  get open(): boolean {
    return this.#lines.length > 0;
  }

  begin(line: string): void {
    this.#lines = [line];
    this.#depth = opened(line);
  }

  /** @returns the whole object, or that it continues; undefined if the line is not part of it, and the block is dropped */
  add(line: string): { readonly whole: string } | 'goes on' | undefined {
    const fits = this.#lines.length < MOST_LINES && INSIDE.test(line);
    this.#lines.push(line);
    this.#depth += opened(line);
    if (fits && this.#depth > 0) return 'goes on';
    const whole = this.#lines.join('\n');
    this.#lines = [];
    return fits ? { whole } : undefined;
  }
}

const opened = (line: string) => line.split('{').length - line.split('}').length;
