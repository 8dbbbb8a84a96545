import type { Row } from './readings';

/** A row of a file. */
export interface FileRow {
  readonly row: Row;
  /** Where it stands, for a message: `line 7`. */
  readonly place: () => string;
  /** Its step, where the format itself has one, which is then no value of the row; else a value of the row counts. */
  readonly step?: number;
}

/** Makes rows of bytes that come piece by piece. What it does not understand it tells to its `Troubles`. */
export interface RowDecoder {
  /** @returns the rows that are whole by now */
  push(bytes: Buffer): FileRow[];
  /**
   * No more bytes come, or what comes begins a line of its own.
   * @param torn whether the writer was ended, perhaps in the middle of a line; else a last line without its end counts
   */
  end(torn: boolean): FileRow[];
}
