import type { Row } from './readings';

export interface FileRow {
  readonly row: Row;
  /** Its position, for messages: `line 7`. */
  readonly place: () => string;
  /** Its step, if the format has one apart from the values; otherwise one of the row's values is the step. */
  readonly step?: number;
}

/** Decodes bytes that arrive in pieces into rows. Reports problems to its `Troubles`. */
export interface RowDecoder {
  /** @returns the rows that are complete now */
  push(bytes: Buffer): FileRow[];
  /**
   * Called when no more bytes will come, or the next bytes begin a new line.
   * @param torn whether the writer was killed, perhaps in the middle of a line; otherwise a last line without a newline
   * counts
   */
  end(torn: boolean): FileRow[];
}
