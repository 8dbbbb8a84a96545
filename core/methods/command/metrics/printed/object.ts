import { numberSpelled } from './number';
import { unwrapped } from './values';

/** The contents of a printed object. */
export interface Printed {
  /** Its numbers; nested objects give `outer/inner`. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Its strings, by name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Whether it contains only numbers. */
  readonly plain: boolean;
  /** Its range of characters on the line. */
  readonly start: number;
  readonly end: number;
}

/**
 * The first JSON object or Python dictionary on a line, including what Python writes into them: NaN, `np.float64(0.5)`,
 * `tensor(0.5, device='cuda:0')`, `OrderedDict(…)`.
 * @returns `torn` if one begins but does not end; undefined if there is none
 */
export function objectIn(line: string): Printed | 'torn' | undefined {
  for (const { index } of line.matchAll(/\{(?=\s*(?:["'}]|$))/g)) {
    const parser = new Parser(line, index);
    const content = parser.object();
    if (content === TORN) return 'torn';
    if (content === undefined) continue;
    return { ...flat(content), start: index, end: parser.at };
  }
  return undefined;
}

const OTHER = Symbol('neither number, text nor object');
const TORN = Symbol('cut before its end');
type Content = Map<string, Value>;
type Value = number | string | Content | typeof OTHER;

function flat(content: Content): Pick<Printed, 'numbers' | 'texts' | 'plain'> {
  const numbers = new Map<string, number>();
  const texts = new Map<string, string>();
  const twice = new Set<string>();
  let plain = content.size > 0;
  const walk = (inner: Content, prefix: string) => {
    for (const [key, value] of inner) {
      const name = prefix + key;
      if (value instanceof Map) walk(value, `${name}/`);
      else {
        const number = typeof value === 'string' ? numberSpelled(value) : value;
        if (typeof number !== 'number') plain = false;
        else if (numbers.has(name)) twice.add(name);
        else numbers.set(name, number);
        if (typeof value === 'string') texts.set(name, value);
      }
    }
  };
  walk(content, '');
  for (const name of twice) numbers.delete(name);
  return { numbers, texts, plain };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };
const DEEPEST = 100;

/** Parses dictionaries as `json.dumps`, `repr` and `print` write them. */
class Parser {
  #depth = 0;

  constructor(
    readonly text: string,
    public at: number,
  ) {}

  /** Undefined if it is not an object. */
  object(): Content | typeof TORN | undefined {
    if (this.#depth++ > DEEPEST) return undefined;
    const content: Content = new Map();
    this.at++;
    for (;;) {
      this.#space();
      const letter = this.text[this.at];
      if (letter === undefined) return TORN;
      if (letter === '}') break;
      const key = letter === '"' || letter === "'" ? this.#string() : this.#bare();
      if (key === undefined) return TORN;
      this.#space();
      if (this.text[this.at] === undefined) return TORN;
      if (this.text[this.at] !== ':') return undefined;
      this.at++;
      const value = this.#value();
      if (value === TORN || value === undefined) return value;
      content.set(key, content.has(key) ? OTHER : value);
      this.#space();
      if (this.text[this.at] === ',') this.at++;
      else if (this.text[this.at] === undefined) return TORN;
      else if (this.text[this.at] !== '}') return undefined;
    }
    this.at++;
    this.#depth--;
    return content;
  }

  #value(): Value | typeof TORN | undefined {
    this.#space();
    const letter = this.text[this.at];
    if (letter === undefined) return TORN;
    if (letter === '{') return this.object();
    if (letter === '"' || letter === "'") {
      const text = this.#string();
      // A Python string may continue in the next literal; an unfinished value is not recorded.
      return text ?? TORN;
    }
    const start = this.at;
    if (/^(?:OrderedDict|defaultdict|Counter|dict|mappingproxy)\(/.test(this.text.slice(start, start + 16)))
      return this.#wrapped();
    if (!this.#skip()) return TORN;
    const written = this.text.slice(start, this.at).trim();
    const number = /^(?:<tf\.|[\w.]+\()/.test(written) ? unwrapped(written) : numberSpelled(written);
    return typeof number === 'number' ? number : OTHER;
  }

  /** `OrderedDict({'a': 1})`, `defaultdict(<class 'float'>, {'a': 1})`. */
  #wrapped(): Value | typeof TORN | undefined {
    const start = this.at;
    if (!this.#skip()) return TORN;
    const inner = this.text.slice(start, this.at);
    const open = inner.indexOf('{');
    if (open < 0) return OTHER;
    const parser = new Parser(inner, open);
    return parser.object() ?? OTHER;
  }

  /** Skips any value, up to the comma or bracket after it. */
  #skip(): boolean {
    let depth = 0;
    for (; this.at < this.text.length; this.at++) {
      const letter = this.text[this.at]!;
      if (letter === '"' || letter === "'") {
        if (this.#string() === undefined) return false;
        this.at--;
      } else if ('([{<'.includes(letter)) depth++;
      else if (')]}>'.includes(letter)) {
        if (depth === 0) return letter === '}';
        depth--;
      } else if (letter === ',' && depth === 0) return true;
    }
    return false;
  }

  #string(): string | undefined {
    const quote = this.text[this.at];
    let text = '';
    for (let i = this.at + 1; i < this.text.length; i++) {
      const letter = this.text[i]!;
      if (letter === quote) {
        this.at = i + 1;
        return text;
      }
      if (letter !== '\\') {
        text += letter;
        continue;
      }
      const next = this.text[++i] ?? '';
      const code = next === 'u' ? /^[\da-f]{4}/i.exec(this.text.slice(i + 1, i + 5))?.[0] : undefined;
      text += code === undefined ? (ESCAPES[next] ?? next) : String.fromCharCode(parseInt(code, 16));
      if (code !== undefined) i += 4;
    }
    this.at = this.text.length;
    return undefined;
  }

  /** An unquoted key: a number, or a name in YAML or JavaScript. */
  #bare(): string | undefined {
    const name = /^[\w.+-]+/.exec(this.text.slice(this.at, this.at + 200))?.[0];
    if (name === undefined) return '';
    this.at += name.length;
    return this.at < this.text.length ? name : undefined;
  }

  #space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }
}
