import * as l10n from '@vscode/l10n';
import { ANCHORS, ANYTHING, CATEGORIES, escaped, escapedInClass, POSIX, SCRIPTS, SHORTHANDS } from './oniguruma-sets';
import { PartError } from './part';
import { property } from './unicode';

/**
 * Regular expressions of `tokenizer.json` are Oniguruma's, in its Ruby syntax. This writes one in JavaScript's. What the two
 * engines may read differently, or what no test compares, is refused by its name.
 *
 * @param part whose pattern it is, for the error
 * @param matchesNothing whether the pattern may match between two characters
 * @returns an expression with the flags `g` and `v`
 * @throws PartError
 */
export function fromOniguruma(pattern: string, part: string, matchesNothing = true): RegExp {
  const { source, empty } = new Translation(pattern, part).whole();
  if (empty && !matchesNothing)
    throw new PartError(
      part,
      l10n.t`its pattern ${JSON.stringify(pattern)} may match an empty string, which the tokenizers library handles incorrectly`,
    );
  try {
    return new RegExp(source, 'gv');
  } catch {
    throw new PartError(part, l10n.t`Winnow cannot read its pattern ${JSON.stringify(pattern)}`);
  }
}

/** A pattern that matches a text literally. */
export const literal = (text: string): RegExp => new RegExp(Array.from(text, escaped).join(''), 'gv');

/** Oniguruma folds these pairs into one letter (ß, ﬁ, …), which JavaScript never does. */
const FOLDED_PAIRS = /ss|st|ff|fi|fl/i;

/** A piece of the translation. */
interface Node {
  readonly source: string;
  /** Whether it may match nothing. */
  readonly empty: boolean;
  /** Not a character or a group, but a place: it cannot be repeated. */
  readonly place?: boolean;
}

class Translation {
  #at = 0;
  #atomics = 0;
  #ignoreCase = false;

  constructor(
    private readonly pattern: string,
    private readonly part: string,
  ) {}

  whole(): Node {
    const node = this.#alternatives();
    if (this.#at < this.pattern.length) this.#refuse(')');
    return node;
  }

  #refuse(what: string): never {
    throw new PartError(
      this.part,
      l10n.t`Winnow does not support ${JSON.stringify(what)} in its pattern ${JSON.stringify(this.pattern)}`,
    );
  }

  #peek(text: string): boolean {
    return this.pattern.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  /** Takes what a sticky expression matches here. */
  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.pattern);
    if (found) this.#at += found[0].length;
    return found;
  }

  #character(): string {
    const character = String.fromCodePoint(this.pattern.codePointAt(this.#at) ?? this.#refuse(l10n.t('its end')));
    this.#at += character.length;
    return character;
  }

  #alternatives(): Node {
    const branches = [this.#sequence()];
    while (this.#take('|')) branches.push(this.#sequence());
    return {
      source: branches.map(({ source }) => source).join('|'),
      empty: branches.some(({ empty }) => empty),
    };
  }

  #sequence(): Node {
    const start = this.#at;
    let source = '';
    let empty = true;
    while (this.#at < this.pattern.length && !this.#peek('|') && !this.#peek(')')) {
      const node = this.#repeated(this.#atom());
      source += node.source;
      empty &&= node.empty;
    }
    if (this.#ignoreCase) {
      const folded = FOLDED_PAIRS.exec(this.pattern.slice(start, this.#at).replace(/[()?:]/g, ''));
      if (folded) this.#refuse(`(?i:…${folded[0]}…)`);
    }
    return { source, empty };
  }

  #repeated(node: Node): Node {
    const quantifier = this.#match(/[*+?]|\{(\d*)(,?)(\d*)\}/y);
    if (!quantifier) return node;
    const [written, low = '', comma = '', high = ''] = quantifier;
    if (written.startsWith('{') && low === '' && high === '') {
      this.#at -= written.length - 1;
      return { source: `${node.source}\\{`, empty: false };
    }
    const braces = written.startsWith('{');
    if (braces && comma !== '' && high !== '' && Number(low) > Number(high)) this.#refuse(written);
    const many = braces ? comma !== '' && high === '' : written !== '?';
    if (node.place || (node.empty && (many || braces))) this.#refuse(`…${written}`);
    const js = braces ? `{${low || '0'}${comma}${high}}` : written;
    const source = node.source + js;
    const empty = node.empty || written === '*' || written === '?' || (braces && Number(low || '0') === 0);
    const result = this.#suffixed({ source, empty }, braces, braces && comma === '');
    if (this.#match(/[*+?]|\{\d*,?\d*\}/y)) this.#refuse(l10n.t('a quantifier of a quantifier'));
    return result;
  }

  /** What follows a quantifier: `?` makes it lazy and `+` possessive, but not after all braces. */
  #suffixed(node: Node, braces: boolean, exact: boolean): Node {
    if (this.#peek('?')) {
      if (exact) this.#refuse('{…}?');
      this.#at++;
      return { ...node, source: `${node.source}?` };
    }
    if (!this.#peek('+')) return node;
    if (braces) this.#refuse('{…}+');
    this.#at++;
    return { ...node, source: this.#atomic(node.source) };
  }

  /** What is matched once is not given back: a look ahead keeps its first match. */
  #atomic(source: string): string {
    const name = `a${this.#atomics++}`;
    return `(?:(?=(?<${name}>${source}))\\k<${name}>)`;
  }

  #atom(): Node {
    if (this.#peek('(')) return this.#group();
    if (this.#peek('[')) return { source: this.#class(), empty: false };
    if (this.#take('.')) return { source: '[^\\n]', empty: false };
    // Both are about lines, and a line is ended by \n alone. None begins behind the last \n of a text.
    if (this.#take('^')) return { source: `(?:(?<!${ANYTHING})|(?<=\\n)(?=${ANYTHING}))`, empty: true, place: true };
    if (this.#take('$')) return { source: `(?=\\n|(?!${ANYTHING}))`, empty: true, place: true };
    if (this.#peek('\\')) return this.#escape();
    if (/[*+?]/.test(this.pattern[this.#at]!)) this.#refuse(l10n.t`a lone ${this.pattern[this.#at]!}`);
    return this.#literal(this.#character());
  }

  #literal(character: string): Node {
    if (!this.#ignoreCase) return { source: escaped(character), empty: false };
    if (/[a-z]/i.test(character)) {
      // The long s and the Kelvin sign are the same letters to both engines.
      const others = { s: '\\u017f', k: '\\u212a' }[character.toLowerCase()] ?? '';
      return { source: `[${character.toLowerCase()}${character.toUpperCase()}${others}]`, empty: false };
    }
    if (/^[\p{L}\p{M}]$/u.test(character)) this.#refuse(`(?i:${character})`);
    return { source: escaped(character), empty: false };
  }

  #group(): Node {
    const opened = this.#match(/\((?:\?(?:i:|:|=|!|<=|<!|>))?(?!\?)/y)?.[0];
    if (opened === undefined) this.#refuse(this.pattern.slice(this.#at, this.#at + 4));
    const outer = this.#ignoreCase;
    if (opened === '(?i:') this.#ignoreCase = true;
    const node = this.#alternatives();
    this.#ignoreCase = outer;
    if (!this.#take(')')) this.#refuse('(');
    if (opened === '(?>') return { source: this.#atomic(node.source), empty: node.empty };
    if (/[=!]/.test(opened)) return { source: `${opened}${node.source})`, empty: true, place: true };
    return { source: `(?:${node.source})`, empty: node.empty };
  }

  #escape(): Node {
    const set = this.#shorthand();
    if (set !== undefined) return { source: set, empty: false };
    const anchor = ANCHORS[this.pattern[this.#at + 1] ?? ''];
    if (anchor !== undefined) {
      this.#at += 2;
      return { source: anchor, empty: true, place: true };
    }
    return this.#literal(this.#escapedCharacter());
  }

  /** `\s`, `\p{L}` and the like, or nothing. */
  #shorthand(inClass = false): string | undefined {
    const named = this.#match(/\\([pP])\{(\^?)([A-Za-z]+)\}/y);
    if (named) {
      const [written, letter, caret, name = ''] = named;
      if (!CATEGORIES.test(name) && !SCRIPTS.test(name)) this.#refuse(written);
      // The other case of a letter may be of another class: U+0345 is a mark, and its capital a letter.
      if (this.#ignoreCase) this.#refuse(`(?i:${written})`);
      const set = property(SCRIPTS.test(name) ? `Script=${name}` : name);
      return (letter === 'P') !== (caret === '^') ? `[^${set}]` : set;
    }
    const short = this.#match(/\\([sdwhSDWH])/y)?.[1];
    if (short === undefined) return undefined;
    const set = inClass && /w/i.test(short) ? POSIX.word! : SHORTHANDS[short.toLowerCase()]!;
    return short === short.toLowerCase() ? set : `[^${set}]`;
  }

  /** A character that is written with a backslash. */
  #escapedCharacter(): string {
    const hex = this.#match(/\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-7][0-9A-Fa-f])|u([0-9A-Fa-f]{4}))/y);
    if (hex) {
      const code = parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) this.#refuse(hex[0]);
      return String.fromCodePoint(code);
    }
    const control = this.#match(/\\([tnrfvae])/y)?.[1];
    if (control !== undefined) return { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v', a: '\x07', e: '\x1b' }[control]!;
    this.#at++;
    const character = this.#character();
    if (/[A-Za-z0-9]/.test(character)) this.#refuse(`\\${character}`);
    return character;
  }

  /** A class in brackets. JavaScript's flag `v` has nested classes and intersections as well. */
  #class(): string {
    this.#take('[');
    const negated = this.#take('^') ? '^' : '';
    if (this.#peek(']')) this.#refuse('[]…]');
    const operands: string[] = [];
    let members = '';
    for (let closed = false; !closed;) {
      closed = this.#take(']');
      if (closed || this.#take('&&')) {
        if (members === '') this.#refuse('[&&]');
        operands.push(members);
        members = '';
      } else members += this.#member();
    }
    return operands.length === 1
      ? `[${negated}${operands[0]!}]`
      : `[${negated}${operands.map((operand) => `[${operand}]`).join('&&')}]`;
  }

  #member(): string {
    const posix = this.#match(/\[:(\^?)([a-z]+):\]/y);
    if (posix) {
      const set = Object.hasOwn(POSIX, posix[2]!) ? POSIX[posix[2]!]! : this.#refuse(posix[0]);
      if (this.#ignoreCase) this.#refuse(`(?i:[${posix[0]}])`);
      return posix[1] === '^' ? `[^${set}]` : set;
    }
    if (this.#peek('[:') || this.#peek('[.') || this.#peek('[=')) this.#nestedOrRefuse();
    if (this.#peek('[')) return this.#class();
    if (this.#peek('\\')) {
      const set = this.#shorthand(true);
      if (set !== undefined) {
        // A range cannot begin with a set; a hyphen at the end is itself.
        if (this.#peek('-') && !this.#peek('-]')) this.#refuse(l10n.t('a range of a class'));
        return set;
      }
    }
    const first = this.#classCharacter();
    if (!this.#peek('-') || this.#peek('-]') || this.#peek('-&&')) return this.#inClass(first);
    this.#at++;
    if (this.#peek('[') || this.#match(/\\[pPsSdDwWhH]/y)) this.#refuse(l10n.t('a range of a class'));
    const last = this.#classCharacter();
    if (last.codePointAt(0)! < first.codePointAt(0)!) this.#refuse(`[${first}-${last}]`);
    if (this.#ignoreCase) this.#refuse(`(?i:[${first}-${last}])`);
    return `${escapedInClass(first)}-${escapedInClass(last)}`;
  }

  /** `[[.…` and `[[=…` may be POSIX's collating elements, which Oniguruma takes for errors. */
  #nestedOrRefuse(): void {
    if (this.pattern.includes(`${this.pattern[this.#at + 1]!}]`, this.#at + 2)) this.#refuse('[[:…:]]');
  }

  #classCharacter(): string {
    return this.#peek('\\') ? this.#escapedCharacter() : this.#character();
  }

  #inClass(character: string): string {
    if (this.#ignoreCase && /^[\p{L}\p{M}]$/u.test(character)) this.#refuse(`(?i:[${character}])`);
    return escapedInClass(character);
  }
}
