import * as l10n from '@vscode/l10n';
import { parse as parseLenient, type ParseError } from 'jsonc-parser';
import type { FileRow, RowDecoder } from './row-decoder';
import type { Row } from './readings';
import { TextLines } from './text-lines';
import { quoted, type Troubles } from './troubles';

/** A string, which is passed over, or a number that JSON does not have but Python and C write. */
const NOT_JSON = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|nan|Infinity|inf)\b/g;
/** The lines of an array that has an object on each line. */
const BRACKET = /^[[\]]\s*,?$/;
const COMMENT = /^(?:#|\/\/)/;

/**
 * One JSON object per line; NaN and infinities as Python writes them are texts in its rows. An array is taken too, where
 * it stands on one line or has a line for each of its objects. Empty lines and comments are passed over.
 */
export class JsonLines implements RowDecoder {
  readonly #lines: TextLines;
  #count = 0;
  /** Whether a line was met that begins an object and does not end it: a document over several lines. */
  #spread = false;

  constructor(readonly troubles: Troubles) {
    this.#lines = new TextLines(troubles);
  }

  push(bytes: Buffer): FileRow[] {
    return this.#lines.push(bytes).flatMap((line) => this.#rowsOf(line));
  }

  end(): FileRow[] {
    return this.#lines.end().flatMap((line) => this.#rowsOf(line));
  }

  #rowsOf(line: string): FileRow[] {
    this.#count++;
    const text = line.trim();
    if (text === '' || COMMENT.test(text) || BRACKET.test(text) || this.#spread) return [];
    const value = parseLine(text);
    const rows = Array.isArray(value) ? value : [value];
    if (value !== undefined && rows.every(isRow)) {
      const at = this.#count;
      const place = () => l10n.t`line ${at}`;
      return rows.map((row) => ({ row, place }));
    }
    if (this.#count <= 2 && /^\{$|^"[^"]*"\s*:|^\[?\s*\{$/.test(text)) {
      this.#spread = true;
      this.troubles.ofFile(
        'spread',
        l10n.t('it is one JSON document spread over many lines. Write one JSON object per line.'),
      );
      return [];
    }
    const at = this.#count;
    this.troubles.ofRow('no object', (count) =>
      count === 1
        ? l10n.t`1 line that is not a JSON object was skipped (line ${at}: ${quoted(text)}).`
        : l10n.t`${count} lines that are not JSON objects were skipped (line ${at}: ${quoted(text)}).`,
    );
    return [];
  }
}

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Makes texts of the NaN and infinities that stand bare in JSON; those within texts stay. */
export const quoteNotFinite = (text: string): string =>
  text.replace(NOT_JSON, (token) => (token.startsWith('"') ? token : `"${token}"`));

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A comma after the last value, or after the object: no other reading is possible.
    const spelled = quoteNotFinite(text).replace(/,$/, '');
    const errors: ParseError[] = [];
    const value: unknown = parseLenient(spelled, errors, { allowTrailingComma: true });
    return errors.length === 0 ? value : undefined;
  }
}
