import * as l10n from '@vscode/l10n';
import { parquetReadObjects } from 'hyparquet';
import { UserError } from '../../errors';
import { featureNames } from '../parquet-features';
import { columnsOfParquet, invalidParquet, openParquetFile, requireCodec } from '../parquet-file';
import { decodeUtf8 } from '../text/document';
import { badRow } from './rows';
import type { Cell, Table } from './table';

/**
 * A Parquet file, read row group by row group, as the hub has data sets.
 * @throws UserError `data.parquet-invalid`, `data.parquet-codec`, `data.bad-row`, `data.not-utf8`
 */
export async function openParquetTable(file: string): Promise<Table> {
  const parquet = await openParquetFile(file);
  const { buffer, metadata } = parquet;
  return {
    file,
    unit: 'row',
    columns: columnsOfParquet(parquet).all,
    classNames: (column) => featureNames(metadata, column),
    async *rows(columns) {
      for (const column of columns) requireCodec(parquet, column);
      let row = 0;
      const place = () => l10n.t`${file}, row ${row},`;
      for (const group of metadata.row_groups) {
        const entries = await parquetReadObjects({
          file: buffer,
          metadata,
          columns: [...columns],
          rowStart: row,
          rowEnd: row + Number(group.num_rows),
          parsers: { stringFromBytes: (bytes: Uint8Array) => decodeUtf8(bytes, () => file) },
        }).catch((error: unknown) => {
          throw error instanceof UserError ? error : invalidParquet(file, error);
        });
        for (const entry of entries) {
          yield { place: row, cells: columns.map((name) => cellOf(entry[name], name, place)) };
          row += 1;
        }
      }
    },
  };
}

/** @throws UserError `data.bad-row` */
function cellOf(value: unknown, column: string, where: () => string): Cell {
  if (value === undefined || value === null) return undefined;
  // Beyond 2^53 two integers may be one number.
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw badRow(
    where(),
    l10n.t`has neither a text nor a number in ${JSON.stringify(column)}`,
    l10n.t('Set it to a column of strings or numbers.'),
  );
}
