import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { requireDataFile } from '../data-file';
import { parseJsonLine, unwrap } from './json-line';
import { decodeUtf8, MAX_DOCUMENT_BYTES, tooLarge, type TextDocument } from './document';
import { readParquetDocuments } from './parquet-reader';

export interface ProgressOptions {
  /** The file's id in the corpus. */
  readonly id: string;
  readonly textKey: string;
}

type Reader = (file: string, options: ProgressOptions) => AsyncIterable<TextDocument>;

/** Readers by file extension. They stream: only one document (or one Parquet row group) is in memory at a time. */
export const READERS: Readonly<Record<string, Reader>> = {
  '.txt': readWholeFile,
  '.md': readWholeFile,
  '.jsonl': readJsonLines,
  '.parquet': readParquetDocuments,
};

async function* readWholeFile(file: string, { id }: ProgressOptions): AsyncIterable<TextDocument> {
  await requireDataFile(file, 'text');
  if ((await stat(file)).size > MAX_DOCUMENT_BYTES) throw tooLarge(file);
  const bytes = await readFile(file);
  requireNoZero(bytes, () => file);
  yield { id, text: decodeUtf8(bytes, () => file) };
}

async function* readJsonLines(file: string, { id, textKey }: ProgressOptions): AsyncIterable<TextDocument> {
  for await (const { number, text } of readLines(file)) {
    yield { id: `${id}:${number}`, text: textOfLine(text, textKey, () => l10n.t`${file}, line ${number}`) };
  }
}

/**
 * The non-blank lines of a UTF-8 file, numbered from 1.
 *
 * @throws UserError `data.not-utf8`, `data.document-too-large`, `data.line-ends`, `data.other-format` and others of
 *   `requireDataFile`
 */
export async function* readLines(file: string): AsyncIterable<{ number: number; text: string }> {
  for await (const { number, bytes } of readRawLines(file)) {
    const line = bytes.at(-1) === LINE_FEED ? bytes.subarray(0, -1) : bytes;
    requireNoZero(line, () => l10n.t`${file}, line ${number},`);
    const text = decodeUtf8(line, () => l10n.t`${file}, line ${number}`);
    if (text.trim() !== '') yield { number, text };
  }
}

const LINE_FEED = 0x0a;

/**
 * All lines of a file as bytes, with their line ends, numbered from 1.
 *
 * @throws UserError `data.document-too-large`, `data.line-ends` and those of `requireDataFile`
 */
export async function* readRawLines(file: string): AsyncIterable<{ number: number; bytes: Buffer }> {
  await requireDataFile(file, 'lines');
  let number = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    if (number === 0) requireLineFeeds(chunk, file);
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      number += 1;
      yield { number, bytes: Buffer.concat([...pending, chunk.subarray(start, end + 1)]) };
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > MAX_DOCUMENT_BYTES) throw tooLarge(l10n.t`${file}, line ${number + 1},`);
  }
  if (pendingBytes > 0) yield { number: number + 1, bytes: Buffer.concat(pending) };
}

/** Some old files end lines with bare carriage returns; such a file would be read as one line. */
function requireLineFeeds(chunk: Buffer, file: string): void {
  const at = chunk.indexOf(0x0d);
  if (at < 0 || at === chunk.length - 1 || chunk.includes(0x0a)) return;
  throw new UserError(
    'data.line-ends',
    l10n.t`${file} uses bare carriage returns as line endings.`,
    l10n.t(`Convert it first, for example with \`tr '\\r' '\\n'\`.`),
  );
}

/** @throws UserError `data.other-format`: text contains no zero bytes */
export function requireNoZero(bytes: Buffer, where: () => string): void {
  if (bytes.includes(0))
    throw new UserError(
      'data.other-format',
      l10n.t`${where()} holds a zero byte: it is not text.`,
      l10n.t('Check that the file is not damaged.'),
    );
}

function textOfLine(line: string, key: string, where: () => string): string {
  const value = parseJsonLine(line, where);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError(
      'data.no-text',
      Array.isArray(value) ? l10n.t`${where()} is a JSON array.` : l10n.t`${where()} is not a JSON object.`,
      Array.isArray(value) ? unwrap() : l10n.t('Every line must be a JSON object.'),
    );
  const entries = new Map<string, unknown>(Object.entries(value));
  const text = entries.get(key);
  if (typeof text === 'string') return text;
  const texts = [...entries].filter(([, other]) => typeof other === 'string').map(([name]) => name);
  const name = JSON.stringify(key);
  throw new UserError(
    'data.no-text',
    entries.has(key)
      ? l10n.t`${where()} has ${kindOf(text)} under the key ${name}.`
      : l10n.t`${where()} has no key ${name}.`,
    text === null
      ? l10n.t('Remove the line, or set the text to an empty string.')
      : texts.length > 0
        ? l10n.t`Set textKey to one of its keys that holds text: ${texts.slice(0, 20).join(', ')}.`
        : l10n.t`None of its keys holds a text: ${[...entries.keys()].slice(0, 20).join(', ') || l10n.t('it has none')}.`,
  );
}

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? l10n.t('a list')
      : typeof value === 'object'
        ? l10n.t('an object')
        : l10n.t`a ${typeof value}`;
