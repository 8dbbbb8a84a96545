import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { open, readFile, truncate, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { checksumOf, hexOf } from '../../checksum';
import { UserError } from '../../errors';

/**
 * The two files of a token cache. Little-endian, as every machine that Node runs on.
 * `tokens.bin`: the ids of all documents, each document ended by the end token, 2 or 4 bytes per id.
 * `documents.bin`: one record per document, written after its tokens, so that complete records mean complete documents. Each
 * vouches with CRC-32 for all that lies before it in both files: the last for both files, and any for what was complete when
 * the work was cut.
 */
export const TOKENS = 'tokens.bin';
export const DOCUMENTS = 'documents.bin';

/**
 * `u64 end` (tokens up to and with this document), `u64 bytes` (of its UTF-8 text), `u64 idHash`, `u32` checksum of the token
 * file up to `end`, `u32` checksum of this file up to here.
 */
export const RECORD_BYTES = 32;
const TOKENS_CRC = 24;
const RECORDS_CRC = 28;

/** Bytes per token id. */
export type TokenBytes = 2 | 4;

export const tokenBytesFor = (vocabSize: number): TokenBytes => (vocabSize <= 2 ** 16 ? 2 : 4);

const idArray = (buffer: ArrayBuffer, tokenBytes: TokenBytes) =>
  tokenBytes === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer);

/** What is known of each document, in the order of the corpus. */
export interface DocumentIndex {
  readonly count: number;
  /** End of the document in the token file, with its end token [count]. */
  readonly ends: Float64Array;
  /** UTF-8 bytes of the document's text [count]. */
  readonly bytes: Float64Array;
  /** First 64 bits of the SHA-256 of the document's id [count]. */
  readonly idHashes: BigUint64Array;
}

function parseRecords(data: Buffer): DocumentIndex {
  const count = Math.floor(data.length / RECORD_BYTES);
  const index = {
    count,
    ends: new Float64Array(count),
    bytes: new Float64Array(count),
    idHashes: new BigUint64Array(count),
  };
  for (let i = 0; i < count; i += 1) {
    index.ends[i] = Number(data.readBigUInt64LE(i * RECORD_BYTES));
    index.bytes[i] = Number(data.readBigUInt64LE(i * RECORD_BYTES + 8));
    index.idHashes[i] = data.readBigUInt64LE(i * RECORD_BYTES + 16);
  }
  return index;
}

/**
 * The documents of a finished cache, both files of which are read once.
 * @returns the name of the file that is not as it was written, where one is not
 */
export async function readDocumentIndex(dir: string, signal?: AbortSignal): Promise<DocumentIndex | string> {
  const records = await readFile(path.join(dir, DOCUMENTS));
  const last = records.length - RECORD_BYTES;
  if (last < 0 || crc32(records.subarray(0, last + RECORDS_CRC)) !== records.readUInt32LE(last + RECORDS_CRC))
    return DOCUMENTS;
  const { crc32: found } = await checksumOf(path.join(dir, TOKENS), signal);
  return found === hexOf(records.readUInt32LE(last + TOKENS_CRC)) ? parseRecords(records) : TOKENS;
}

/** How many documents from the first on are as they were written, in both files. */
async function countIntact(tokensFile: string, records: Buffer, tokenBytes: TokenBytes): Promise<number> {
  const { count, ends } = parseRecords(records);
  let intact = 0;
  let at = 0;
  let tokensCrc = 0;
  let recordsCrc = 0;
  for await (const chunk of createReadStream(tokensFile, { highWaterMark: 2 ** 22 }) as AsyncIterable<Buffer>) {
    let from = 0;
    while (intact < count) {
      const end = ends[intact]! * tokenBytes;
      const take = Math.max(0, Math.min(end - at, chunk.length - from));
      tokensCrc = crc32(chunk.subarray(from, from + take), tokensCrc);
      from += take;
      at += take;
      if (at < end) break;
      const start = intact * RECORD_BYTES;
      recordsCrc = crc32(records.subarray(start, start + RECORDS_CRC), recordsCrc);
      const isIntact =
        at === end &&
        tokensCrc === records.readUInt32LE(start + TOKENS_CRC) &&
        recordsCrc === records.readUInt32LE(start + RECORDS_CRC);
      if (!isIntact) return intact;
      recordsCrc = crc32(records.subarray(start + RECORDS_CRC, start + RECORD_BYTES), recordsCrc);
      intact += 1;
    }
  }
  return intact;
}

/** Tokens that are kept in memory before they are written. */
const FLUSH_TOKENS = 2 ** 20;

/** Appends documents to the two files, or continues after the last complete document of a writer that was cut. */
export class TokenWriter {
  private pending: Uint8Array[] = [];
  private pendingTokens = 0;
  private records: Buffer[] = [];

  private constructor(
    private readonly tokensFile: FileHandle,
    private readonly documentsFile: FileHandle,
    private readonly tokenBytes: TokenBytes,
    /** Documents that were complete when the writer was opened. */
    readonly complete: DocumentIndex,
    private end: number,
    private tokensCrc: number,
    private recordsCrc: number,
  ) {}

  static async open(dir: string, tokenBytes: TokenBytes): Promise<TokenWriter> {
    const paths = [path.join(dir, TOKENS), path.join(dir, DOCUMENTS)] as const;
    const tokensFile = await open(paths[0], 'a');
    const documentsFile = await open(paths[1], 'a');
    try {
      const records = await readFile(paths[1]);
      const count = await countIntact(paths[0], records, tokenBytes);
      const kept = records.subarray(0, count * RECORD_BYTES);
      const complete = parseRecords(kept);
      const end = complete.ends[count - 1] ?? 0;
      await truncate(paths[0], end * tokenBytes);
      await truncate(paths[1], kept.length);
      const tokensCrc = count === 0 ? 0 : kept.readUInt32LE(kept.length - RECORD_BYTES + TOKENS_CRC);
      return new TokenWriter(tokensFile, documentsFile, tokenBytes, complete, end, tokensCrc, crc32(kept));
    } catch (error) {
      await tokensFile.close();
      await documentsFile.close();
      throw error;
    }
  }

  /** Adds a document; `ids` end with the end token. */
  async append(ids: number[], bytes: number, idHash: bigint): Promise<void> {
    const tokens = new Uint8Array(ids.length * this.tokenBytes);
    idArray(tokens.buffer, this.tokenBytes).set(ids);
    this.end += ids.length;
    this.pending.push(tokens);
    this.pendingTokens += ids.length;
    this.tokensCrc = crc32(tokens, this.tokensCrc);
    const record = Buffer.alloc(RECORD_BYTES);
    record.writeBigUInt64LE(BigInt(this.end), 0);
    record.writeBigUInt64LE(BigInt(bytes), 8);
    record.writeBigUInt64LE(idHash, 16);
    record.writeUInt32LE(this.tokensCrc, TOKENS_CRC);
    record.writeUInt32LE(crc32(record.subarray(0, RECORDS_CRC), this.recordsCrc), RECORDS_CRC);
    this.recordsCrc = crc32(record, this.recordsCrc);
    this.records.push(record);
    if (this.pendingTokens >= FLUSH_TOKENS) await this.flush();
  }

  async flush(): Promise<void> {
    const { pending, records } = this;
    // Forgotten before they are written: a flush that failed half-way must never be appended a second time.
    this.pending = [];
    this.records = [];
    this.pendingTokens = 0;
    await this.tokensFile.appendFile(Buffer.concat(pending));
    // A record must not reach the disk before the tokens that it vouches for.
    await this.tokensFile.datasync();
    await this.documentsFile.appendFile(Buffer.concat(records));
    await this.documentsFile.datasync();
  }

  async close(): Promise<void> {
    await this.tokensFile.close();
    await this.documentsFile.close();
  }
}

/** Ranged reads of a token file. Synchronous: a training step reads a few kilobytes that are mostly in the page cache. */
export class TokenFile {
  private readonly file: string;
  private readonly descriptor: number;

  constructor(
    private readonly dir: string,
    private readonly tokenBytes: TokenBytes,
  ) {
    this.file = path.join(dir, TOKENS);
    this.descriptor = openSync(this.file, 'r');
  }

  /**
   * Copies `count` ids from token `start` on into `target` at `offset`.
   *
   * @throws UserError `data.cache-truncated` when the file ends before
   */
  read(start: number, count: number, target: Int32Array, offset: number): void {
    const bytes = new Uint8Array(count * this.tokenBytes);
    let done = 0;
    while (done < bytes.length) {
      const got = readSync(this.descriptor, bytes, done, bytes.length - done, start * this.tokenBytes + done);
      if (got === 0) {
        throw new UserError(
          'data.cache-truncated',
          l10n.t`${this.file} ends before token ${start + count}.`,
          l10n.t`Delete ${this.dir}; the corpus is then tokenized again.`,
        );
      }
      done += got;
    }
    target.set(idArray(bytes.buffer, this.tokenBytes), offset);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** The same, open during each read alone: for who reads seldom and is never told that it was the last time. */
export class UnheldTokenFile implements Pick<TokenFile, 'read'> {
  constructor(
    private readonly dir: string,
    private readonly tokenBytes: TokenBytes,
  ) {}

  /** @throws as `TokenFile.read`; the file system's error where the file is gone */
  read(start: number, count: number, target: Int32Array, offset: number): void {
    const file = new TokenFile(this.dir, this.tokenBytes);
    try {
      file.read(start, count, target, offset);
    } finally {
      file.close();
    }
  }
}
