import type { UserError } from '../../errors';

/** The value of a cell; undefined if it is empty. */
export type Cell = string | number | boolean | undefined;

export interface Row {
  /** The line (from 1) or the row (from 0) that it is on. */
  readonly place: number;
  /** In the order of the requested columns. */
  readonly cells: readonly Cell[];
}

/** A part of a file, as it is on the disk. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Where the row is that these bytes hold; undefined for the header, blank lines and a byte order mark. */
  readonly place?: number;
}

/** A file of rows with named columns, read as a stream. */
export interface Table {
  readonly file: string;
  /** The unit of `place`. */
  readonly unit: 'line' | 'row';
  readonly columns: readonly string[];
  /** Names of the classes of a numeric column, if the file describes them. */
  classNames?(column: string): readonly string[] | undefined;
  /**
   * @param onRagged receives rows that do not have a cell for every column; without it, they are errors
   * @throws UserError `data.bad-row` and others that name the file and the place
   */
  rows(columns: readonly string[], onRagged?: (error: UserError) => void): AsyncIterable<Row>;
  /** The file in pieces, row by row, so that a copy can leave some out; undefined if it is not text. */
  pieces?(): AsyncIterable<Piece>;
}
