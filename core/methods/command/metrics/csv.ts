import * as l10n from '@vscode/l10n';
import { parse } from 'csv-parse/sync';
import type { FileRow, RowDecoder } from './row-decoder';
import { Decimals, isMissing, looksNumeric, numberOf } from './numbers';
import { TextLines } from './text-lines';
import { quoted, type Troubles } from './troubles';

/** A quoted cell of more lines is taken for a lone quote, so that one cannot swallow the rest of the file. */
const LONGEST_CELL = 100;
/** A line that says what separates the cells, for spreadsheets. */
const SEPARATOR = /^"?sep=(.)"?$/i;
const COMMENT = /^\s*(?:#|%|\/\/)/;
/** What pandas calls the column of its index when it was read back and written again. */
const UNNAMED = /^Unnamed: \d+/;
const OTHER_DELIMITERS: readonly [sign: string, name: string][] = [
  [';', '";"'],
  [',', '","'],
  ['\t', '"\\t"'],
  ['|', '"|"'],
];

/** A line with its number. */
interface Line {
  readonly text: string;
  readonly at: number;
}

/**
 * Separated values; the first line that is no comment names the columns. A number is given as one, by the way in which the
 * file writes its decimals; every other cell as its text.
 */
export class CsvRows implements RowDecoder {
  readonly #lines: TextLines;
  #delimiter: string;
  #decimals: Decimals;
  #count = 0;
  /** Lines since one in which a quote was opened. */
  #open: Line[] = [];
  #comment: Line | undefined;
  #columns: readonly string[] | undefined;
  /** Columns that had a number. */
  readonly #numeric = new Set<string>();
  #refused = false;

  constructor(
    delimiter: string,
    readonly troubles: Troubles,
  ) {
    this.#lines = new TextLines(troubles);
    this.#delimiter = delimiter;
    this.#decimals = new Decimals(delimiter);
  }

  push(bytes: Buffer): FileRow[] {
    return this.#lines.push(bytes).flatMap((text) => this.#take({ text, at: ++this.#count }));
  }

  end(torn: boolean): FileRow[] {
    const rows = this.#lines.end().flatMap((text) => {
      const at = ++this.#count;
      if (!torn) return this.#take({ text, at });
      // Half a number is a number too.
      this.troubles.ofRow('torn', () => l10n.t`its last line, ${quoted(text)}, is incomplete and was skipped.`);
      return [];
    });
    while (this.#open.length > 0) rows.push(...this.#giveUpQuote());
    return rows;
  }

  #take(line: Line): FileRow[] {
    if (this.#refused) return [];
    if (this.#open.length > 0) return this.#goOn(line);
    const { text, at } = line;
    if (text.trim() === '') return [];
    const separator = this.#columns ? undefined : SEPARATOR.exec(text.trim())?.[1];
    if (separator !== undefined) {
      this.#delimiter = separator;
      this.#decimals = new Decimals(separator);
      return [];
    }
    if (COMMENT.test(text)) {
      this.#comment = line;
      return [];
    }
    const cells = this.#cellsOf(text);
    if (cells !== undefined) return this.#record(cells, at);
    this.#open = [line];
    return [];
  }

  /** A line after one in which a quoted cell began and did not end. */
  #goOn(line: Line): FileRow[] {
    const lines = [...this.#open, line];
    const cells = this.#cellsOf(lines.map(({ text }) => text).join('\n'));
    const wanted = this.#columns?.length;
    if (cells && [undefined, cells.length].includes(wanted)) {
      this.#open = [];
      return this.#record(cells, lines[0]!.at);
    }
    this.#open = lines;
    // Two rows right behind the quote: it is not the beginning of a cell that holds them.
    const swallows = lines.length === 3 && lines.slice(1).every(({ text }) => this.#isRecord(text));
    return swallows || lines.length > LONGEST_CELL ? this.#giveUpQuote() : [];
  }

  /** Whether a line by itself has all columns, with numbers where there were numbers. */
  #isRecord(text: string): boolean {
    const cells = text.includes('"') ? undefined : this.#cellsOf(text);
    const { length } = this.#columns ?? [];
    if (cells?.length !== length) return false;
    const before = split(this.#open[0]?.text ?? '', this.#delimiter);
    const numeric = cells.filter((_, index) => this.#number(before[index] ?? '') !== undefined);
    return numeric.length > 0 && numeric.every((cell) => isMissing(cell) || this.#number(cell) !== undefined);
  }

  /** The quote that was opened is a letter of its cell; the lines after it are lines of their own. */
  #giveUpQuote(): FileRow[] {
    const [first, ...others] = this.#open;
    this.#open = [];
    if (!first) return [];
    const rows = this.#record(split(first.text, this.#delimiter), first.at);
    return [...rows, ...others.flatMap((line) => this.#take(line))];
  }

  /** Undefined where a quoted cell does not end. */
  #cellsOf(text: string): string[] | undefined {
    if (!text.includes('"')) return split(text, this.#delimiter);
    const options = { delimiter: this.#delimiter, trim: true, relax_column_count: true, relax_quotes: true };
    try {
      return parse(text, options)[0] ?? [];
    } catch (error) {
      const open = error instanceof Error && 'code' in error && error.code === 'CSV_QUOTE_NOT_CLOSED';
      return open ? undefined : split(text, this.#delimiter);
    }
  }

  #number(cell: string): number | undefined {
    return numberOf(cell, this.#decimals.mark);
  }

  #record(cells: readonly string[], at: number): FileRow[] {
    if (!this.#columns) {
      if (!isNumbers(cells)) {
        this.#setColumns(cells);
        return [];
      }
      // NumPy writes the names of the columns as a comment.
      const named = this.#comment && split(this.#comment.text.replace(COMMENT, ''), this.#delimiter);
      if (named?.length !== cells.length || isNumbers(named)) return this.#refuse(noNames());
      this.#setColumns(named);
    }
    if (this.#refused) return [];
    const columns = this.#columns!;
    if (!cells.some((cell) => this.#number(cell) !== undefined)) {
      const same = cells.filter((cell) => cell !== '' && columns.includes(cell)).length;
      if (same > 0 && 2 * same >= cells.length) {
        // A program that went on wrote the names of its columns once more; they may be others now.
        this.#setColumns(cells);
        return [];
      }
    }
    if (cells.slice(columns.length).some((cell) => cell !== '')) {
      this.troubles.ofRow('ragged', (count) => {
        const [found, wanted] = [cells.length, columns.length];
        return count === 1
          ? l10n.t`1 line was skipped: it has more cells than there are columns (line ${at}: ${found} for ${wanted}). Quote cells that contain the delimiter.`
          : l10n.t`${count} lines were skipped: they have more cells than there are columns (line ${at}: ${found} for ${wanted}). Quote cells that contain the delimiter.`;
      });
      return [];
    }
    this.#decimals.learn(cells);
    const { mistaken } = this.#decimals;
    if (mistaken !== undefined)
      this.troubles.ofFile(
        'mistaken',
        l10n.t`it has decimal commas, as line ${at} tells, so ${quoted(mistaken)} may be ${mistaken.replace('.', '')}; before that line such values were recorded with a decimal point. Write decimals with a point, or without thousands.`,
      );
    return [{ row: this.#rowOf(cells, columns, at), place: () => l10n.t`line ${at}` }];
  }

  #rowOf(cells: readonly string[], columns: readonly string[], at: number): FileRow['row'] {
    const row = new Map<string, number | string>();
    for (const [index, cell] of cells.entries()) {
      const column = columns[index] ?? '';
      const number = this.#number(cell);
      if (column === '' || (number === undefined && isMissing(cell))) continue;
      if (number !== undefined) this.#numeric.add(column);
      else if (this.#numeric.has(column) || looksNumeric(cell))
        this.troubles.ofRow(`cell of ${column}`, (count) =>
          count === 1
            ? l10n.t`1 value was skipped in the column ${quoted(column)}: not a plain number (line ${at}: ${quoted(cell)}). Write numbers like 1234.5.`
            : l10n.t`${count} values were skipped in the column ${quoted(column)}: not a plain number (line ${at}: ${quoted(cell)}). Write numbers like 1234.5.`,
        );
      row.set(column, number ?? cell);
    }
    return Object.fromEntries(row);
  }

  #setColumns(cells: readonly string[]): void {
    const [only = ''] = cells;
    const other = cells.length === 1 && OTHER_DELIMITERS.find(([sign]) => only.includes(sign));
    if (other) {
      const names = quoted(only);
      this.#refuse(
        l10n.t`with the delimiter ${quoted(this.#delimiter)} it has only one column, ${names}. Set "delimiter" to ${other[1]} in "metrics".`,
      );
      return;
    }
    const columns: string[] = [];
    for (const [index, cell] of cells.entries()) {
      const name = UNNAMED.test(cell) ? '' : cell;
      if (name === '' && index > 0 && cell === '' && index < cells.length - 1)
        this.troubles.ofFile(`nameless ${index}`, l10n.t`its column ${index + 1} has no name and was skipped.`);
      columns.push(freeName(name, columns));
      if (columns.at(-1) !== name)
        this.troubles.ofFile(
          `twice ${index}`,
          l10n.t`two of its columns are named ${quoted(name)}: the second one is recorded as ${quoted(columns[index] ?? '')}.`,
        );
    }
    this.#columns = columns;
  }

  #refuse(reason: string): FileRow[] {
    this.#refused = true;
    this.troubles.ofFile('refused', reason);
    return [];
  }
}

const noNames = () =>
  l10n.t('its first line holds numbers instead of column names. Write the column names in the first line.');

const split = (text: string, delimiter: string) => text.split(delimiter).map((cell) => cell.trim());

/** Whether a line has numbers only, and so names nothing. */
const isNumbers = (cells: readonly string[]) =>
  cells.some((cell) => numberOf(cell) !== undefined) &&
  cells.every(
    (cell) => cell === '' || isMissing(cell) || numberOf(cell) !== undefined || numberOf(cell, ',') !== undefined,
  );

/** As pandas tells columns of one name apart. */
function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let i = 1; name !== '' && taken.includes(free); i++) free = `${name}.${i}`;
  return free;
}
