import { readRawLines } from '../text/document-readers';
import type { Piece } from './table';

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** A file with a row on each line, in pieces. @param hasHeader whether the first line that is not blank names the columns */
export async function* piecesOfLines(file: string, hasHeader: boolean): AsyncIterable<Piece> {
  let isHeader = hasHeader;
  for await (const { number, bytes } of readRawLines(file)) {
    const hasMark = number === 1 && bytes.indexOf(BYTE_ORDER_MARK) === 0;
    // It belongs to the file, not to the first row.
    if (hasMark) yield { bytes: BYTE_ORDER_MARK };
    const line = hasMark ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
    const isRow = line.toString('utf8').trim() !== '';
    yield isRow && !isHeader ? { bytes: line, place: number } : { bytes: line };
    if (isRow) isHeader = false;
  }
}
