import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import * as l10n from '@vscode/l10n';
import { CsvError, parse } from 'csv-parse';
import * as z from 'zod';
import { UserError } from '../../errors';
import { requireDataFile } from '../data-file';
import { explainReadError } from '../read-error';
import { requireNoZero } from '../text/document-readers';
import { BytesInOrder } from './bytes-in-order';
import { badRow, emptyFile, requireDistinct } from './rows';
import type { Piece, Table } from './table';

/** What csv-parse returns for a record; `lines` and `bytes` are the numbers of those read up to its end. */
const Entry = z.object({ info: z.object({ lines: z.int(), bytes: z.int() }), record: z.array(z.string()) });

/**
 * A CSV file (RFC 4180): commas, and quotes around cells that contain commas, quotes or line breaks. The first line
 * names the columns.
 * @throws UserError `data.empty-file`, `data.bad-row`, `data.not-utf8`
 */
export async function openCsv(file: string): Promise<Table> {
  await requireCommas(file);
  let first: string[] | undefined;
  for await (const { cells } of readRecords(file)) {
    first = cells;
    break;
  }
  if (first === undefined) throw emptyFile(file);
  const all = requireDistinct(first, file);
  return {
    file,
    unit: 'line',
    columns: all,
    async *rows(columns) {
      const indices = columns.map((name) => all.indexOf(name));
      let isHeader = true;
      for await (const { place, cells } of readRecords(file)) {
        if (!isHeader) yield { place, cells: indices.map((i) => cells[i]) };
        isHeader = false;
      }
    },
    pieces: () => piecesOf(file),
  };
}

/** The parser says where each record ends, so that a copy has the same records. */
async function* piecesOf(file: string): AsyncIterable<Piece> {
  const bytes = new BytesInOrder(createReadStream(file) as AsyncIterable<Buffer>);
  let isHeader = true;
  try {
    for await (const { place, end } of readRecords(file)) {
      const record = await bytes.upTo(end);
      // To the parser, blank lines before a record are part of it.
      const start = isHeader ? 0 : record.findIndex((byte) => byte !== LINE_FEED && byte !== RETURN);
      if (start > 0) yield { bytes: record.subarray(0, start) };
      yield isHeader ? { bytes: record } : { bytes: record.subarray(start), place };
      isHeader = false;
    }
    yield { bytes: await bytes.upTo(Infinity) };
  } finally {
    await bytes.close();
  }
}

const LINE_FEED = 0x0a;
const RETURN = 0x0d;

const SEPARATORS = { ';': 'semicolons', '\t': 'tabs', '|': 'bars' } as const;

/**
 * Checks the header: a parser would report an unrelated error later.
 * @throws UserError `data.separator`
 */
async function requireCommas(file: string): Promise<void> {
  const header = (await firstLineOf(file)).replaceAll(/"(?:[^"]|"")*"/g, '');
  const found = Object.entries(SEPARATORS).find(([separator]) => header.includes(separator));
  if (header.includes(',') || found === undefined) return;
  throw new UserError(
    'data.separator',
    l10n.t`${file} separates its columns by ${found[1]}, not by commas.`,
    found[0] === '\t' ? l10n.t('Rename it to .tsv.') : l10n.t('Save it again with commas.'),
  );
}

async function firstLineOf(file: string): Promise<string> {
  let text = '';
  for await (const chunk of decoded(file)) {
    text = (text + chunk).trimStart();
    const end = /[\r\n]/.exec(text)?.index;
    if (end !== undefined) return text.slice(0, end);
  }
  return text;
}

/** Records with the lines on which they begin, and the bytes of the file up to their end, its line end included. */
async function* readRecords(file: string): AsyncIterable<{ place: number; end: number; cells: string[] }> {
  const parser = parse({ bom: true, info: true, skip_empty_lines: true });
  // Errors of the source destroy the parser, whose iterator then throws them.
  pipeline(Readable.from(decoded(file)), parser, () => undefined);
  let lines = 0;
  // csv-parse counts a Windows line end inside quotes as two.
  let surplus = 0;
  try {
    for await (const entry of parser as AsyncIterable<unknown>) {
      const { info, record } = Entry.parse(entry);
      const text = record.join(' ');
      surplus += count(text, /\r\n/g);
      lines = info.lines - surplus;
      yield { place: lines - count(text, /\r\n|\r|\n/g), end: info.bytes, cells: record };
    }
  } catch (error) {
    if (error instanceof CsvError)
      throw badRow(
        l10n.t`${file}, in or after line ${lines + 1},`,
        l10n.t`is not valid CSV: ${error.message}`,
        l10n.t(
          'Every line needs a cell for every column. Quote cells that contain a comma, a quote or a line break, and double the quotes in them.',
        ),
        error,
      );
    throw explainReadError(error, file);
  }
}

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

async function* decoded(file: string): AsyncIterable<string> {
  await requireDataFile(file, 'lines');
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let line = 1;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      requireNoZero(chunk, () => l10n.t`${file}, in or after line ${line},`);
      const text = decoder.decode(chunk, { stream: true });
      yield text;
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) line += 1;
    }
    decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError(
      'data.not-utf8',
      l10n.t`${file}, in or after line ${line}, is not UTF-8 text.`,
      l10n.t('Convert it first, for example with `iconv -f windows-1252 -t utf-8` if it is Western European text.'),
      { cause: error },
    );
  }
}
