import * as l10n from '@vscode/l10n';
import { explainReadError } from '../read-error';
import { readLines } from '../text/document-readers';
import { parseJsonLine, unwrap } from '../text/json-line';
import { piecesOfLines } from './line-pieces';
import { badRow, emptyFile } from './rows';
import type { Cell, Table } from './table';

/** Lines that are scanned for column names. */
const LOOKED_AT = 1000;

/**
 * A file with a JSON object on every line. Its columns are the keys of the first objects; any object may omit some.
 * @throws UserError `data.empty-file`, `data.bad-row`, `data.not-json`, `data.not-utf8`
 */
export async function openJsonLines(file: string): Promise<Table> {
  const columns = new Set<string>();
  let looked = 0;
  for await (const { values } of readObjects(file)) {
    for (const name of values.keys()) columns.add(name);
    if (++looked === LOOKED_AT) break;
  }
  if (looked === 0) throw emptyFile(file, l10n.t('Put one JSON object on each line.'));
  return {
    file,
    unit: 'line',
    columns: [...columns],
    async *rows(names) {
      for await (const { place, values } of readObjects(file))
        yield {
          place,
          cells: names.map((name) => cellOf(values.get(name), name, () => l10n.t`${file}, line ${place},`)),
        };
    },
    pieces: () => piecesOfLines(file, false),
  };
}

async function* readObjects(file: string): AsyncIterable<{ place: number; values: ReadonlyMap<string, unknown> }> {
  try {
    for await (const { number, text } of readLines(file)) {
      const value = parseJsonLine(text, () => l10n.t`${file}, line ${number}`);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw badRow(
          l10n.t`${file}, line ${number},`,
          Array.isArray(value) ? l10n.t('is a JSON array') : l10n.t('is not a JSON object'),
          Array.isArray(value) ? unwrap() : l10n.t('Every line must look like {"text": "…", "label": "…"}.'),
        );
      yield { place: number, values: new Map(Object.entries(value)) };
    }
  } catch (error) {
    throw explainReadError(error, file);
  }
}

/** @throws UserError `data.bad-row` for a list or an object, and for an integer that JSON parsers round */
function cellOf(value: unknown, column: string, where: () => string): Cell {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    throw badRow(
      where(),
      l10n.t`has an integer above 2^53 in ${JSON.stringify(column)}, which JSON parsers round`,
      l10n.t('Write such numbers in quotes.'),
    );
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw badRow(
    where(),
    l10n.t`has a list or an object in ${JSON.stringify(column)}`,
    l10n.t('Texts and labels must be strings, numbers, true or false.'),
  );
}
