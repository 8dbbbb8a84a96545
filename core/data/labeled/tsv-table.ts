import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { explainReadError } from '../read-error';
import { readLines } from '../text/document-readers';
import { COLA_HEADER, isColaLine } from './glue';
import { piecesOfLines } from './line-pieces';
import { badRow, emptyFile, requireDistinct } from './rows';
import type { Table } from './table';

/**
 * A TSV file as in text/tab-separated-values and GLUE: quotes have no special meaning. CoLA's files, which have no
 * header, are recognized by their first line. A file with CSV-style quoting (as pandas writes) is refused: its texts
 * would contain quotes that do not belong to them.
 * @throws UserError `data.empty-file`, `data.quoted`, `data.bad-row`, `data.not-utf8`
 */
export async function openTsv(file: string): Promise<Table> {
  const first = await firstLine(file);
  if (first === undefined) throw emptyFile(file);
  const isCola = isColaLine(first);
  if (!isCola && first.length === 1 && first[0]!.includes(','))
    throw new UserError(
      'data.separator',
      l10n.t`${file} separates its columns by commas, not by tabs.`,
      l10n.t('Rename it to .csv.'),
    );
  await refuseQuoted(file);
  const all = isCola ? COLA_HEADER : requireDistinct(first, file);
  return {
    file,
    unit: 'line',
    columns: all,
    async *rows(columns, onRagged) {
      const indices = columns.map((name) => all.indexOf(name));
      let isHeader = !isCola;
      for await (const { place, cells } of readCells(file)) {
        if (isHeader) {
          isHeader = false;
          continue;
        }
        if (cells.length === all.length) {
          yield { place, cells: indices.map((i) => cells[i]) };
          continue;
        }
        const error = badRow(
          l10n.t`${file}, line ${place},`,
          l10n.t`has ${cells.length} cells, but there are ${all.length} columns`,
          l10n.t('A .tsv file has no quoting, so texts cannot contain tabs or line breaks: save it as .csv or .jsonl.'),
        );
        if (onRagged === undefined) throw error;
        onRagged(error);
      }
    },
    pieces: () => piecesOfLines(file, !isCola),
  };
}

/** A quoted cell that contains doubled quotes. */
const QUOTED = /^"(?=.*"".*"$)(?:[^"]|"")+"$/;

/** In GLUE's files, some cells look quoted by accident, but others then have quotes that are not doubled. */
async function refuseQuoted(file: string): Promise<void> {
  let quoted: number | undefined;
  for await (const { place, cells } of readCells(file))
    for (const cell of cells) {
      if (!cell.includes('"')) continue;
      if (!QUOTED.test(cell)) return;
      quoted ??= place;
    }
  if (quoted !== undefined)
    throw new UserError(
      'data.quoted',
      l10n.t`${file}, line ${quoted}, has a text in quotes with the quotes in it doubled, as CSV has them; in a .tsv file a quote is a character like any other.`,
      l10n.t('Save it as .csv or .jsonl, or without quoting (in pandas: quoting=csv.QUOTE_NONE).'),
    );
}

async function firstLine(file: string): Promise<string[] | undefined> {
  for await (const { cells } of readCells(file)) return cells;
  return undefined;
}

async function* readCells(file: string): AsyncIterable<{ place: number; cells: string[] }> {
  try {
    for await (const { number, text } of readLines(file))
      yield { place: number, cells: text.replace(/\r$/, '').split('\t') };
  } catch (error) {
    throw explainReadError(error, file);
  }
}
