import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { openTable } from './open-table';
import type { LabeledTexts } from './texts';

/** Rows are joined to portions of this size: writing each by itself is slow. */
const PORTION_BYTES = 2 ** 20;

/**
 * A CSV, TSV or JSON Lines file without some of its rows: all other bytes are as they are, the header, quotes, line ends,
 * blank lines and a byte order mark among them.
 * @param isKept gets the place of a row, as `Origin` has it
 * @throws UserError `data.no-copy` for other formats; those of the tables
 */
export async function* withoutRows(
  file: string,
  isKept: (place: number) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const { pieces } = await openTable(file);
  if (pieces === undefined)
    throw new UserError(
      'data.no-copy',
      l10n.t`${file} cannot be copied row by row.`,
      l10n.t('Save it as CSV or JSON Lines first.'),
    );
  let portion: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces()) {
    if (piece.place !== undefined && !isKept(piece.place)) continue;
    portion.push(piece.bytes);
    bytes += piece.bytes.length;
    if (bytes < PORTION_BYTES) continue;
    signal?.throwIfAborted();
    yield Buffer.concat(portion);
    portion = [];
    bytes = 0;
  }
  yield Buffer.concat(portion);
}

/** Whether a file can be copied row by row. */
export const hasRowsOfText = async (file: string): Promise<boolean> => (await openTable(file)).pieces !== undefined;

/** The columns of `asJsonLines`. */
export const JSON_COLUMNS = { text: 'text', pair: 'pair', label: 'label' } as const;

/**
 * Samples as JSON Lines.
 * @param samples their numbers, in this order
 * @param labelOf what is written for a label: the name of the class, or the number
 */
export async function* asJsonLines(
  set: LabeledTexts,
  samples: Iterable<number>,
  labelOf: (label: number) => string | number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let portion = '';
  for (const sample of samples) {
    const row = {
      [JSON_COLUMNS.text]: set.text(sample),
      ...(set.hasPairs && { [JSON_COLUMNS.pair]: set.pair(sample) }),
      [JSON_COLUMNS.label]: labelOf(set.label(sample)),
    };
    portion += `${JSON.stringify(row)}\n`;
    if (portion.length < PORTION_BYTES) continue;
    signal?.throwIfAborted();
    yield Buffer.from(portion);
    portion = '';
  }
  yield Promise.resolve(Buffer.from(portion));
}
