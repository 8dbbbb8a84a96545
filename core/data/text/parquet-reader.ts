import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { messageOf, UserError } from '../../errors';
import { decodeUtf8, type TextDocument } from './document';

/** Codecs that hyparquet decodes by itself. */
const CODECS = new Set(['UNCOMPRESSED', 'SNAPPY']);

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
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer).catch((error: unknown) => {
    throw invalid(file, error);
  });
  const columns = parquetSchema(metadata).children;
  const column = columns.find((child) => child.element.name === textKey);
  if (column?.element.type !== 'BYTE_ARRAY') {
    throw new UserError(
      'data.no-text',
      `${file} has no string column ${JSON.stringify(textKey)}.`,
      `Set textKey to one of its columns: ${columns.map((child) => child.element.name).join(', ')}.`,
    );
  }

  let row = 0;
  for (const group of metadata.row_groups) {
    const chunk = group.columns.find((entry) => entry.meta_data?.path_in_schema[0] === textKey)?.meta_data;
    if (chunk !== undefined && !CODECS.has(chunk.codec)) {
      throw new UserError(
        'data.parquet-codec',
        `${file} is compressed with ${chunk.codec}, which needs the npm package hyparquet-compressors.`,
        'Write the file again with snappy compression, or without.',
      );
    }
    if (Number(chunk?.total_uncompressed_size ?? 0) > MAX_COLUMN_CHUNK_BYTES) {
      throw new UserError(
        'data.parquet-row-group',
        `${file} has a row group with more than ${MAX_COLUMN_CHUNK_BYTES / 2 ** 20} MiB of text.`,
        'Write the file again with smaller row groups, for example of 10000 rows.',
      );
    }
    const rowEnd = row + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      columns: [textKey],
      rowStart: row,
      rowEnd,
      parsers: { stringFromBytes: (bytes: Uint8Array) => decodeUtf8(bytes, file) },
    }).catch((error: unknown) => {
      throw error instanceof UserError ? error : invalid(file, error);
    });
    for (const entry of rows) {
      const text: unknown = entry[textKey];
      if (typeof text !== 'string') {
        throw new UserError(
          'data.no-text',
          `${file}, row ${row}, has no text in the column ${JSON.stringify(textKey)}.`,
        );
      }
      yield { id: `${id}:${row}`, text };
      row += 1;
    }
  }
}

const invalid = (file: string, error: unknown) =>
  new UserError(
    'data.parquet-invalid',
    `${file} is not a Parquet file that can be read: ${messageOf(error)}.`,
    'Was it cut off while it was copied?',
    { cause: error },
  );
