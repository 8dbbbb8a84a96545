import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { requireDataFile } from '../data-file';
import { openCsv } from './csv-table';
import { openJsonLines } from './jsonl-table';
import { openParquetTable } from './parquet-table';
import type { Table } from './table';
import { openTsv } from './tsv-table';

const TABLES: Readonly<Record<string, (file: string) => Promise<Table>>> = {
  '.csv': openCsv,
  '.tsv': openTsv,
  '.jsonl': openJsonLines,
  '.parquet': openParquetTable,
};

export const TABLE_ENDINGS = Object.keys(TABLES);

export const endingOf = (file: string) => path.extname(file).toLowerCase();

/**
 * Reads the names of the columns of a file; its rows are read when they are asked for.
 * @throws UserError `data.unknown-source`, `data.empty-file`, `data.bad-row`, `data.not-utf8`, `data.parquet-invalid`
 */
export async function openTable(file: string): Promise<Table> {
  const open = TABLES[endingOf(file)];
  await requireDataFile(file, 'bytes');
  if (open === undefined)
    throw new UserError(
      'data.unknown-source',
      l10n.t`${file} is not a table of texts that Winnow can read.`,
      endingOf(file) === '.json'
        ? l10n.t('Write one JSON object on each line of a .jsonl file, for example with `jq -c ".[]"`.')
        : l10n.t`Winnow reads ${TABLE_ENDINGS.join(', ')}.`,
    );
  return open(file);
}
