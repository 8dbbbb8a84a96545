import type { FileRow, RowDecoder } from '../../../core/methods/command/metrics/row-decoder';
import type { Row } from '../../../core/methods/command/metrics/readings';
import { Troubles } from '../../../core/methods/command/metrics/troubles';

/** Sizes of the pieces that a file comes in: bytes, some at once, all at once. */
export const sizes = [1, 7, 1 << 20];

/** The rows of a file that comes in pieces, and what was not understood in it. */
export function decode(
  make: (troubles: Troubles) => RowDecoder,
  content: Buffer | string,
  size = 1 << 20,
  torn = false,
): { rows: FileRow[]; values: Row[]; troubles: string[] } {
  const bytes = Buffer.from(content);
  const troubles = new Troubles();
  const decoder = make(troubles);
  const rows: FileRow[] = [];
  for (let start = 0; start < bytes.length; start += size)
    rows.push(...decoder.push(bytes.subarray(start, start + size)));
  rows.push(...decoder.end(torn));
  return { rows, values: rows.map(({ row }) => row), troubles: troubles.sentences() };
}
