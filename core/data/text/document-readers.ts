import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { UserError } from '../../errors';
import { decodeUtf8, MAX_DOCUMENT_BYTES, tooLarge, type TextDocument } from './document';
import { readParquetDocuments } from './parquet-reader';

export interface ReadOptions {
  /** Id of the file in the corpus. */
  readonly id: string;
  readonly textKey: string;
}

type Reader = (file: string, options: ReadOptions) => AsyncIterable<TextDocument>;

/** Readers by file extension. A reader streams: it holds one document (or one Parquet row group) at a time. */
export const READERS: Readonly<Record<string, Reader>> = {
  '.txt': readWholeFile,
  '.md': readWholeFile,
  '.jsonl': readJsonLines,
  '.parquet': readParquetDocuments,
};

async function* readWholeFile(file: string, { id }: ReadOptions): AsyncIterable<TextDocument> {
  if ((await stat(file)).size > MAX_DOCUMENT_BYTES) throw tooLarge(file);
  yield { id, text: decodeUtf8(await readFile(file), file) };
}

async function* readJsonLines(file: string, { id, textKey }: ReadOptions): AsyncIterable<TextDocument> {
  for await (const { number, text } of readLines(file)) {
    yield { id: `${id}:${number}`, text: textOfLine(text, textKey, `${file}, line ${number}`) };
  }
}

/**
 * Lines of a UTF-8 file that are not blank, numbered from 1.
 *
 * @throws UserError `data.not-utf8`, `data.document-too-large`
 */
export async function* readLines(file: string): AsyncIterable<{ number: number; text: string }> {
  let number = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const decode = (bytes: Buffer) => {
    number += 1;
    return { number, text: decodeUtf8(bytes, `${file}, line ${number}`) };
  };
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const line = decode(Buffer.concat([...pending, chunk.subarray(start, end)]));
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.text.trim() !== '') yield line;
    }
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > MAX_DOCUMENT_BYTES) throw tooLarge(`${file}, line ${number + 1},`);
  }
  const last = decode(Buffer.concat(pending));
  if (last.text.trim() !== '') yield last;
}

/** Parses one line of JSON; the error names the place. */
export function parseJsonLine(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new UserError(
      'data.not-json',
      `${where} is not JSON.`,
      'Every line of a .jsonl file is one complete JSON object.',
      { cause: error },
    );
  }
}

function textOfLine(line: string, key: string, where: string): string {
  const value = parseJsonLine(line, where);
  const entries = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  const text: unknown = entries.get(key);
  if (typeof text === 'string') return text;
  const keys = [...entries.keys()].slice(0, 20).join(', ');
  throw new UserError(
    'data.no-text',
    `${where} has no string under the key ${JSON.stringify(key)}.`,
    keys === '' ? 'Every line must be a JSON object.' : `Set textKey to one of its keys: ${keys}.`,
  );
}
