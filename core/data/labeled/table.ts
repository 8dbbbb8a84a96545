import type { UserError } from '../../errors';

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
