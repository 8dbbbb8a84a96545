import { explainReadError } from '../read-error';
import { parseJsonLine, readLines } from '../text/document-readers';
import { badRow, emptyFile } from './rows';
import type { Cell, Table } from './table';

/**
 * A file with a JSON object on every line. Its columns are the keys of the first one; others may leave keys out.
 * @throws UserError `data.empty-file`, `data.bad-row`, `data.not-json`, `data.not-utf8`
 */
export async function openJsonLines(file: string): Promise<Table> {
  let first: ReadonlyMap<string, unknown> | undefined;
  for await (const { values } of readObjects(file)) {
    first = values;
    break;
  }
  if (first === undefined) throw emptyFile(file);
  return {
    file,
    unit: 'line',
    columns: [...first.keys()],
    async *rows(columns) {
      for await (const { place, values } of readObjects(file))
        yield { place, cells: columns.map((name) => cellOf(values.get(name), name, `${file}, line ${place},`)) };
    },
  };
}

async function* readObjects(file: string): AsyncIterable<{ place: number; values: ReadonlyMap<string, unknown> }> {
  try {
    for await (const { number, text } of readLines(file)) {
      const value = parseJsonLine(text, `${file}, line ${number}`);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw badRow(
          `${file}, line ${number},`,
          'is no JSON object',
          'Every line looks like {"text": "…", "label": "…"}.',
        );
      yield { place: number, values: new Map(Object.entries(value)) };
    }
  } catch (error) {
    throw explainReadError(error, file);
  }
}

/** Lists and objects are no cells. @throws UserError `data.bad-row` */
function cellOf(value: unknown, column: string, where: string): Cell {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw badRow(
    where,
    `has a list or an object in ${JSON.stringify(column)}`,
    'Texts and labels are strings, numbers, true or false.',
  );
}
