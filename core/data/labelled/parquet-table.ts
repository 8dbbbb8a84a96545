import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { messageOf, UserError } from '../../errors';
import { featureNames } from '../parquet-features';
import { explainReadError } from '../read-error';
import { decodeUtf8 } from '../text/document';
import { badRow } from './rows';
import type { Cell, Table } from './table';

/**
 * A Parquet file, read row group by row group, as the hub has data sets.
 * @throws UserError `data.parquet-invalid`, `data.bad-row`, `data.not-utf8`
 */
export async function openParquetTable(file: string): Promise<Table> {
  const buffer = await asyncBufferFromFile(file).catch((error: unknown) => {
    throw explainReadError(error, file);
  });
  const metadata = await parquetMetadataAsync(buffer).catch((error: unknown) => {
    throw invalid(file, error);
  });
  return {
    file,
    unit: 'row',
    columns: parquetSchema(metadata).children.map(({ element }) => element.name),
    classNames: (column) => featureNames(metadata, column),
    async *rows(columns) {
      let row = 0;
      for (const group of metadata.row_groups) {
        const entries = await parquetReadObjects({
          file: buffer,
          metadata,
          columns: [...columns],
          rowStart: row,
          rowEnd: row + Number(group.num_rows),
          parsers: { stringFromBytes: (bytes: Uint8Array) => decodeUtf8(bytes, file) },
        }).catch((error: unknown) => {
          throw error instanceof UserError ? error : invalid(file, error);
        });
        for (const entry of entries) {
          yield { place: row, cells: columns.map((name) => cellOf(entry[name], name, `${file}, row ${row},`)) };
          row += 1;
        }
      }
    },
  };
}

/** @throws UserError `data.bad-row` */
function cellOf(value: unknown, column: string, where: string): Cell {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw badRow(
    where,
    `has neither a text nor a number in ${JSON.stringify(column)}`,
    'Name a column of strings or numbers.',
  );
}

const invalid = (file: string, error: unknown) =>
  new UserError(
    'data.parquet-invalid',
    `${file} is not a Parquet file that can be read: ${messageOf(error)}.`,
    'Was it cut off while it was copied? Compression other than snappy has to be undone first.',
    { cause: error },
  );
