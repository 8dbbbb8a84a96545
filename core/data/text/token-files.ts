import { closeSync, openSync, readSync } from 'node:fs';
import { open, readFile, truncate, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors';

/**
 * The two files of a token cache. Little-endian, as every machine that Node runs on.
 * `tokens.bin`: the ids of all documents, each document ended by the end token, 2 or 4 bytes per id.
 * `documents.bin`: one record per document, written after its tokens, so that complete records mean complete documents.
 */
export const TOKENS = 'tokens.bin';
export const DOCUMENTS = 'documents.bin';

/** `u64 end` (tokens up to and with this document), `u64 bytes` (of its UTF-8 text), `u64 idHash`. */
export const RECORD_BYTES = 24;

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

export const readDocumentIndex = async (dir: string): Promise<DocumentIndex> =>
  parseRecords(await readFile(path.join(dir, DOCUMENTS)));

/** Tokens that are kept in memory before they are written. */
const FLUSH_TOKENS = 2 ** 20;

/** Appends documents to the two files, or continues after the last complete document of a writer that was cut. */
export class TokenWriter {
  private pending: number[][] = [];
  private pendingTokens = 0;
  private records: Buffer[] = [];

  private constructor(
    private readonly tokensFile: FileHandle,
    private readonly documentsFile: FileHandle,
    private readonly tokenBytes: TokenBytes,
    /** Documents that were complete when the writer was opened. */
    readonly complete: DocumentIndex,
    private end: number,
  ) {}

  static async open(dir: string, tokenBytes: TokenBytes): Promise<TokenWriter> {
    const paths = [path.join(dir, TOKENS), path.join(dir, DOCUMENTS)] as const;
    const tokensFile = await open(paths[0], 'a');
    const documentsFile = await open(paths[1], 'a');
    try {
      const tokens = Math.floor((await tokensFile.stat()).size / tokenBytes);
      const records = await readFile(paths[1]);
      const all = parseRecords(records);
      let count = all.count;
      while (count > 0 && all.ends[count - 1]! > tokens) count -= 1;
      const complete = parseRecords(records.subarray(0, count * RECORD_BYTES));
      const end = complete.ends[count - 1] ?? 0;
      await truncate(paths[0], end * tokenBytes);
      await truncate(paths[1], count * RECORD_BYTES);
      return new TokenWriter(tokensFile, documentsFile, tokenBytes, complete, end);
    } catch (error) {
      await tokensFile.close();
      await documentsFile.close();
      throw error;
    }
  }

  /** Adds a document; `ids` end with the end token. */
  async append(ids: number[], bytes: number, idHash: bigint): Promise<void> {
    this.end += ids.length;
    this.pending.push(ids);
    this.pendingTokens += ids.length;
    const record = Buffer.alloc(RECORD_BYTES);
    record.writeBigUInt64LE(BigInt(this.end), 0);
    record.writeBigUInt64LE(BigInt(bytes), 8);
    record.writeBigUInt64LE(idHash, 16);
    this.records.push(record);
    if (this.pendingTokens >= FLUSH_TOKENS) await this.flush();
  }

  async flush(): Promise<void> {
    const { pending, records } = this;
    const ids = idArray(new ArrayBuffer(this.pendingTokens * this.tokenBytes), this.tokenBytes);
    // Forgotten before they are written: a flush that failed half-way must never be appended a second time.
    this.pending = [];
    this.records = [];
    this.pendingTokens = 0;
    let at = 0;
    for (const document of pending) {
      ids.set(document, at);
      at += document.length;
    }
    await this.tokensFile.appendFile(new Uint8Array(ids.buffer));
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
          `${this.file} ends before token ${start + count}.`,
          `Delete ${this.dir}; the corpus is then tokenised again.`,
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
