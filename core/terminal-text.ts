import { randomInt } from 'node:crypto';
import stringWidth from 'string-width';

/**
 * Text for a terminal. Names, paths, messages and log lines come out of files, and a file must not command the terminal
 * (move its cursor, set its title, fill its clipboard) nor turn the order of what is read around.
 */

/** Drawn anew by each process, so that nothing out of a file can pass for a style of ours. */
const SEAL = randomInt(2 ** 46, 2 ** 47);

/** The sequence of a style (`31`, `1;4`), as it stands in texts until `forTerminal` prints it; `0` ends all styles. */
export const style = (codes: string): string => `\u001b[${codes};${SEAL}m`;

const STYLE = new RegExp(`\\u001b\\[([\\d;:]*);${SEAL}m`, 'g');

/**
 * What a terminal obeys, does not show or reads backwards: control characters, halves of surrogate pairs, marks of
 * direction, separators of lines, characters without a width. The joiners are left where a script or an emoji needs them,
 * behind what is not ASCII.
 */
const HIDDEN =
  '[\\p{Cc}\\p{Cs}\\p{Bidi_Control}\\u00ad\\u115f\\u1160\\u180e\\u200b\\u2028\\u2029\\u2060-\\u206f\\u3164\\ufeff\\uffa0' +
  '\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]|(?<![^\\0-\\x7f])[\\u200c\\u200d]';

const HIDDEN_OR_STYLE = new RegExp(`${STYLE.source}|${HIDDEN}`, 'gu');
const HIDDEN_OR_STYLE_OR_LINE = new RegExp(`\\r\\n|\\n|\\t|${HIDDEN_OR_STYLE.source}`, 'gu');

/** Ends of lines, tabs, and styles. */
const KEPT = /^(?:\r?\n|\t|.{3,})$/s;

const BY_NAME: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  const digits = code.toString(16);
  if (code < 0x100) return BY_NAME[character] ?? `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}

/** Lines of text in which everything is seen: `\x1b` for an escape, `\u202e` for a mark of direction. */
export const printable = (text: string): string =>
  text.replaceAll(HIDDEN_OR_STYLE_OR_LINE, (found) => (KEPT.test(found) ? found : escaped(found)));

/** The same in one line, for a name or a cell of a table. */
export const oneLine = (text: string): string =>
  text.replaceAll(HIDDEN_OR_STYLE, (found) => (found.length > 2 ? found : escaped(found)));

/** Printable text with its styles as the terminal reads them: the last step before it is written. */
export const forTerminal = (text: string): string => printable(text).replaceAll(STYLE, '\u001b[$1m');

const HIDDEN_IN_JSON = new RegExp(HIDDEN, 'gu');

/** The same JSON without a character that a terminal obeys. */
export const printableJson = (json: string): string =>
  json.replaceAll(HIDDEN_IN_JSON, (found) =>
    // Between the values there are line feeds, inside of them there is none.
    found === '\n' || found === '\r'
      ? found
      : Array.from({ length: found.length }, (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
          '',
        ),
  );

/** A longer line is wider than any terminal, and need not be measured. */
const MEASURED = 10_000;

/** Columns that one line takes. */
export const textWidth = (line: string): number =>
  line.length > MEASURED || /^[ -~]*$/.test(line) ? line.length : stringWidth(line.replaceAll(STYLE, ''));

export const padEnd = (line: string, width: number): string => line + ' '.repeat(Math.max(0, width - textWidth(line)));
export const padStart = (line: string, width: number): string =>
  ' '.repeat(Math.max(0, width - textWidth(line))) + line;

/**
 * Characters for each column that are looked at: a name may have millions, and finding out which of them a terminal shows
 * as one takes seconds.
 */
const NEAR = 64;

/** `text` on one line, in `width` columns at most: an ellipsis stands for the end, or the start, that is cut off. */
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

/** What takes columns as one, and styles. */
const piecesOf = (line: string): string[] =>
  line
    .split(new RegExp(`(${STYLE.source.replace('(', '(?:')})`))
    .flatMap((part) =>
      part.startsWith('\u001b') ? [part] : Array.from(segmenter.segment(part), ({ segment }) => segment),
    );

/** `text` on one line, in exactly `width` columns. */
export const fit = (text: string, width: number): string => padEnd(cut(text, width), width);
