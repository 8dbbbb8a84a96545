import { parse } from 'csv-parse/sync';
import { StringDecoder } from 'node:string_decoder';
import type { Row } from './readings';

/** Makes rows of bytes that come piece by piece. */
export interface RowDecoder {
  /** @returns the rows that are whole by now */
  push(bytes: Buffer): Row[];
  /** No more bytes come: a last line without its end counts. */
  end(): Row[];
}

/** One JSON object per line; what is none (a torn line, a comment) is passed over. */
export class JsonLines implements RowDecoder {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

  push(bytes: Buffer): Row[] {
    const lines = (this.#held + this.#decoder.write(bytes)).split('\n');
    this.#held = lines.pop() ?? '';
    return lines.flatMap(rowOf);
  }

  end(): Row[] {
    const last = this.#held;
    this.#held = '';
    return rowOf(last);
  }
}

function rowOf(line: string): Row[] {
  try {
    // Python writes NaN and Infinity, which are not JSON.
    const value: unknown = JSON.parse(line.replaceAll(/(?<=[:,[]\s*)(-?(?:NaN|Infinity))(?=\s*[,\]}])/g, '"$1"'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? [value as Row] : [];
  } catch {
    return [];
  }
}

/** Comma-separated values; the first line names the columns. */
export class CsvRows implements RowDecoder {
  readonly #decoder = new StringDecoder('utf8');
  #columns: string[] | undefined;
  #held = '';

  constructor(readonly delimiter: string) {}

  push(bytes: Buffer): Row[] {
    this.#held += this.#decoder.write(bytes);
    const end = this.#held.lastIndexOf('\n') + 1;
    const whole = this.#held.slice(0, end);
    // A quoted cell may hold line feeds: with one that is open the lines are not whole.
    if (end === 0 || (whole.match(/"/g)?.length ?? 0) % 2 === 1) return [];
    this.#held = this.#held.slice(end);
    return this.#parse(whole);
  }

  end(): Row[] {
    const last = this.#held;
    this.#held = '';
    return this.#parse(last);
  }

  /** A line that is no record is passed over. */
  #parse(text: string): Row[] {
    const options = { delimiter: this.delimiter, bom: true, trim: true, relax_column_count: true };
    const records = parse(text, { ...options, skip_empty_lines: true, skip_records_with_error: true });
    this.#columns ??= records.shift();
    const columns = this.#columns ?? [];
    return records.map((cells) => Object.fromEntries(cells.map((cell, index) => [columns[index] ?? '', cell])));
  }
}
