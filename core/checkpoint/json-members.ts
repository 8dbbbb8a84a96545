/**
 * Iterates over the members of a JSON object and gives the text of each value, without parsing any value.
 *
 * `JSON.parse` does not help if a file may be hostile or must be written back as it was: it hides duplicate names,
 * builds gigabytes of objects from a header full of brackets, and forgets that `1.0` was not written `1`.
 *
 * @throws SyntaxError if the object's own structure is wrong; the caller has to check the text of a value
 */
export function* jsonMembers(text: string): Generator<[name: string, value: string]> {
  let at = skipSpace(text, expect(text, skipSpace(text, 0), '{'));
  if (text[at] === '}') at++;
  else {
    while (true) {
      const nameEnd = endOfString(text, at);
      const name = JSON.parse(text.slice(at, nameEnd)) as string;
      const start = skipSpace(text, expect(text, skipSpace(text, nameEnd), ':'));
      const end = endOfValue(text, start);
      yield [name, text.slice(start, end)];
      at = skipSpace(text, end);
      if (text[at] === '}') {
        at++;
        break;
      }
      at = skipSpace(text, expect(text, at, ','));
    }
  }
  if (skipSpace(text, at) !== text.length) throw unexpected(text, skipSpace(text, at));
}

const unexpected = (text: string, at: number) =>
  new SyntaxError(
    at < text.length ? `unexpected ${JSON.stringify(text[at])} at character ${at}` : 'unexpected end of the text',
  );

function expect(text: string, at: number, character: string): number {
  if (text[at] !== character) throw unexpected(text, at);
  return at + 1;
}

const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

function skipSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function endOfString(text: string, start: number): number {
  for (let at = expect(text, start, '"'); at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  throw unexpected(text, text.length);
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  const nested = first === '{' || first === '[';
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at]!;
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (nested) {
      if (character === '{' || character === '[') depth++;
      else if (character === '}' || character === ']') depth--;
      at++;
      if (depth === 0) return at;
    } else {
      if (',}]'.includes(character) || isSpace(character.charCodeAt(0))) break;
      at++;
    }
  }
  if (nested || at === start) throw unexpected(text, at);
  return at;
}
