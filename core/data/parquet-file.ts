import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
} from 'hyparquet';
import { stat } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../errors';
import { requireDataFile } from './data-file';
import { explainReadError } from './read-error';

/** A Parquet file of which the description was read. */
export interface ParquetFile {
  readonly file: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
}

/** Codecs that hyparquet decodes by itself. */
const CODECS = new Set(['UNCOMPRESSED', 'SNAPPY']);

/** @throws UserError `data.parquet-invalid`, `data.empty-file` and those of `requireDataFile` */
export async function openParquetFile(file: string): Promise<ParquetFile> {
  await requireDataFile(file, 'bytes');
  if ((await stat(file)).size === 0)
    throw new UserError('data.empty-file', l10n.t`${file} is empty.`, l10n.t('Copy it again.'));
  const buffer = await asyncBufferFromFile(file).catch((error: unknown) => {
    throw explainReadError(error, file);
  });
  const metadata = await parquetMetadataAsync(buffer).catch((error: unknown) => {
    throw invalidParquet(file, error);
  });
  return { file, buffer, metadata };
}

/** Names of the columns, and of those that hold text. */
export function columnsOfParquet({ metadata }: Pick<ParquetFile, 'metadata'>): { all: string[]; text: string[] } {
  const columns = parquetSchema(metadata).children;
  const names = (some: typeof columns) => some.map(({ element }) => element.name);
  return { all: names(columns), text: names(columns.filter(({ element }) => element.type === 'BYTE_ARRAY')) };
}

/** @throws UserError `data.parquet-codec` where a column is packed by what is not unpacked here */
export function requireCodec({ file, metadata }: Pick<ParquetFile, 'file' | 'metadata'>, column: string): void {
  for (const { columns } of metadata.row_groups)
    for (const { meta_data } of columns)
      if (meta_data?.path_in_schema[0] === column && !CODECS.has(meta_data.codec))
        throw new UserError(
          'data.parquet-codec',
          l10n.t`${file} is compressed with ${meta_data.codec}, which Winnow cannot decompress.`,
          l10n.t('Write the file again with compression="snappy".'),
        );
}

export const invalidParquet = (file: string, error: unknown) =>
  new UserError(
    'data.parquet-invalid',
    l10n.t`${file} is not a readable Parquet file: ${messageOf(error)}.`,
    l10n.t('It may have been cut off while it was copied: copy it again.'),
    { cause: error },
  );
