import { randomInt } from 'node:crypto';
import stringWidth from 'string-width';

/**
 * Text for a terminal. Names, paths, messages and log lines come from files. They must not control the terminal (move its
 * cursor, set its title, fill its clipboard) or change the direction in which text is read.
 */

/** Random in each process, so that text from a file cannot imitate one of our styles. */
const SEAL = randomInt(2 ** 46, 2 ** 47);

/** A style (`31`, `1;4`) as a placeholder in texts until `forTerminal` prints it; `0` ends all styles. */
export const style = (codes: string): string => `\u001b[${codes};${SEAL}m`;

const STYLE = new RegExp(`\\u001b\\[([\\d;:]*);${SEAL}m`, 'g');

/**
 * Characters that a terminal obeys, does not show or reads backwards: control characters, unpaired surrogates, direction
 * marks, line separators, zero-width characters. Joiners after a non-ASCII character are kept, because scripts and emoji need
 * them.
 */
const HIDDEN =
  '[\\p{Cc}\\p{Cs}\\p{Bidi_Control}\\u00ad\\u115f\\u1160\\u180e\\u200b\\u2028\\u2029\\u2060-\\u206f\\u3164\\ufeff\\uffa0' +
  '\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]|(?<![^\\0-\\x7f])[\\u200c\\u200d]';

const HIDDEN_OR_STYLE = new RegExp(`${STYLE.source}|${HIDDEN}`, 'gu');
const HIDDEN_OR_STYLE_OR_LINE = new RegExp(`\\r\\n|\\n|\\t|${HIDDEN_OR_STYLE.source}`, 'gu');

/** Line breaks, tabs and styles. */
const KEPT = /^(?:\r?\n|\t|.{3,})$/s;

const BY_NAME: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  const digits = code.toString(16);
  if (code < 0x100) return BY_NAME[character] ?? `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}

/** Makes every character visible: `\x1b` for an escape, `\u202e` for a direction mark. Keeps line breaks. */
export const printable = (text: string): string =>
  text.replaceAll(HIDDEN_OR_STYLE_OR_LINE, (found) => (KEPT.test(found) ? found : escaped(found)));

/** The same on one line, for a name or a table cell. */
export const oneLine = (text: string): string =>
  text.replaceAll(HIDDEN_OR_STYLE, (found) => (found.length > 2 ? found : escaped(found)));

/** Printable text with its styles as escape sequences: the last step before it is written. */
export const forTerminal = (text: string): string => printable(text).replaceAll(STYLE, '\u001b[$1m');

const HIDDEN_IN_JSON = new RegExp(HIDDEN, 'gu');

/** The same JSON, with the characters that a terminal obeys escaped. */
export const printableJson = (json: string): string =>
  json.replaceAll(HIDDEN_IN_JSON, (found) =>
    // Line feeds only occur between JSON values, never inside them.
    found === '\n' || found === '\r'
      ? found
      : Array.from({ length: found.length }, (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
          '',
        ),
  );

/** Longer lines are wider than any terminal, so they are not measured. */
const MEASURED = 10_000;

/** The width of a line in terminal columns. */
export const textWidth = (line: string): number =>
  line.length > MEASURED || /^[ -~]*$/.test(line) ? line.length : stringWidth(line.replaceAll(STYLE, ''));

export const padEnd = (line: string, width: number): string => line + ' '.repeat(Math.max(0, width - textWidth(line)));
export const padStart = (line: string, width: number): string =>
  ' '.repeat(Math.max(0, width - textWidth(line))) + line;

/**
 * Characters examined per column: a name may have millions, and finding the ones that a terminal shows as a single character
 * takes seconds.
 */
const NEAR = 64;

/** `text` on one line, at most `width` columns wide; an ellipsis replaces the end, or the start, that is cut off. */
export function cut(text: string, width: number, end: 'end' | 'start' = 'end'): string {
  const whole = oneLine(text);
  const near = NEAR * (width + 1);
  if (whole.length <= near && textWidth(whole) <= width) return whole;
  const pieces = piecesOf(end === 'end' ? whole.slice(0, near) : whole.slice(-near));
  if (end === 'start') pieces.reverse();
  const kept: string[] = [];
  let room = Math.max(0, width - 1);
  for (const piece of pieces) {
    room -= textWidth(piece);
    if (room < 0) break;
    kept.push(piece);
  }
  if (end === 'start') return `…${kept.reverse().join('')}`;
  return `${kept.join('')}…${kept.some((piece) => piece.startsWith('\u001b')) ? style('0') : ''}`;
}

const segmenter = new Intl.Segmenter();

/** Splits a line into styles and grapheme clusters. */
const piecesOf = (line: string): string[] =>
  line
    .split(new RegExp(`(${STYLE.source.replace('(', '(?:')})`))
    .flatMap((part) =>
      part.startsWith('\u001b') ? [part] : Array.from(segmenter.segment(part), ({ segment }) => segment),
    );

/** `text` on one line, exactly `width` columns wide. */
export const fit = (text: string, width: number): string => padEnd(cut(text, width), width);
