import * as l10n from '@vscode/l10n';
import { parquetReadObjects } from 'hyparquet';
import { UserError } from '../../errors';
import { columnsOfParquet, invalidParquet, openParquetFile, requireCodec } from '../parquet-file';
import { decodeUtf8, type TextDocument } from './document';

/** A row group's column is decoded at once; beyond this it would not fit beside a training run. */
const MAX_COLUMN_CHUNK_BYTES = 2 ** 30;

/**
 * Rows of one string column, row group by row group, by ranged reads.
 *
 * @throws UserError `data.parquet-invalid`, `data.no-text`, `data.parquet-codec`, `data.parquet-row-group`, `data.not-utf8`
 */
export async function* readParquetDocuments(
  file: string,
  { id, textKey }: { readonly id: string; readonly textKey: string },
): AsyncIterable<TextDocument> {
  const parquet = await openParquetFile(file);
  const { buffer, metadata } = parquet;
  const columns = columnsOfParquet(parquet);
  if (!columns.text.includes(textKey)) {
    const column = JSON.stringify(textKey);
    throw new UserError(
      'data.no-text',
      columns.all.includes(textKey)
        ? l10n.t`${file} holds no text in the column ${column}.`
        : l10n.t`${file} has no column ${column}.`,
      columns.text.length > 0
        ? l10n.t`Set textKey to one of its text columns: ${columns.text.join(', ')}.`
        : l10n.t`None of its columns holds text: ${columns.all.join(', ')}.`,
    );
  }
  requireCodec(parquet, textKey);

  let row = 0;
  for (const group of metadata.row_groups) {
    const chunk = group.columns.find((entry) => entry.meta_data?.path_in_schema[0] === textKey)?.meta_data;
    if (Number(chunk?.total_uncompressed_size ?? 0) > MAX_COLUMN_CHUNK_BYTES) {
      throw new UserError(
        'data.parquet-row-group',
        l10n.t`${file} has a row group with more than ${MAX_COLUMN_CHUNK_BYTES / 2 ** 20} MiB of text.`,
        l10n.t('Write the file again with smaller row groups, for example of 10000 rows.'),
      );
    }
    const rowEnd = row + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      columns: [textKey],
      rowStart: row,
      rowEnd,
      parsers: { stringFromBytes: (bytes: Uint8Array) => decodeUtf8(bytes, () => file) },
    }).catch((error: unknown) => {
      throw error instanceof UserError ? error : invalidParquet(file, error);
    });
    for (const entry of rows) {
      const text: unknown = entry[textKey];
      if (typeof text !== 'string') {
        throw new UserError(
          'data.no-text',
          l10n.t`${file}, row ${row}, has no text in the column ${JSON.stringify(textKey)}.`,
          l10n.t('Remove such rows, or set their text to an empty string.'),
        );
      }
      yield { id: `${id}:${row}`, text };
      row += 1;
    }
  }
}
