import path from 'node:path';
import { UserError } from '../../errors';
import { requireDataFile } from '../data-file';
import { openCsv } from './csv-table';
import { openJsonLines } from './jsonl-table';
import { openParquetTable } from './parquet-table';
import { openTsv } from './tsv-table';

/** What a table holds in one place; undefined where it holds nothing. */
export type Cell = string | number | boolean | undefined;

export interface Row {
  /** The line (from 1) or the row (from 0) where it lies. */
  readonly place: number;
  /** In the order of the columns that were asked for. */
  readonly cells: readonly Cell[];
}

/** A file of rows with named columns, read as a stream. */
export interface Table {
  readonly file: string;
  /** What a place counts. */
  readonly unit: 'line' | 'row';
  readonly columns: readonly string[];
  /** Names of the classes of a column of numbers, where the file itself says them. */
  classNames?(column: string): readonly string[] | undefined;
  /**
   * @param onRagged takes rows that do not have a cell for every column; without it they are errors
   * @throws UserError `data.bad-row` and others that name the file and the place
   */
  rows(columns: readonly string[], onRagged?: (error: UserError) => void): AsyncIterable<Row>;
}

const TABLES: Readonly<Record<string, (file: string) => Promise<Table>>> = {
  '.csv': openCsv,
  '.tsv': openTsv,
  '.jsonl': openJsonLines,
  '.parquet': openParquetTable,
};

export const TABLE_ENDINGS = Object.keys(TABLES);

export const endingOf = (file: string) => path.extname(file).toLowerCase();

/**
 * Reads the names of the columns of a file; its rows are read when they are asked for.
 * @throws UserError `data.unknown-source`, `data.empty-file`, `data.bad-row`, `data.not-utf8`, `data.parquet-invalid`
 */
export async function openTable(file: string): Promise<Table> {
  const open = TABLES[endingOf(file)];
  await requireDataFile(file, 'bytes');
  if (open === undefined)
    throw new UserError(
      'data.unknown-source',
      `${file} is not a table of texts that Winnow can read.`,
      endingOf(file) === '.json'
        ? 'Write one JSON object on each line of a .jsonl file, for example with `jq -c ".[]"`.'
        : `Winnow reads ${TABLE_ENDINGS.join(', ')}.`,
    );
  return open(file);
}
