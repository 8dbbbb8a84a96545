import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { explainReadError, NO_WAIT, requireFile } from '../file-errors';

/** Random access to bytes that need not be in memory. Parsers take only this, so that they are tested on memory. */
export interface ByteSource {
  /** What errors call the source: a path, or a word such as `memory`. */
  readonly name: string;
  /** Bytes in the source. Never changes: a source whose bytes change fails its reads instead. */
  readonly size: number;
  /** A fresh copy of `length` bytes from `offset`. @throws RangeError outside the source, UserError `file.*` from disk */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A descriptor is given back after this long without a read: a model of hundreds of shards must not use them all up. */
const HANDLE_IDLE_MS = 2000;

/** Node passes the length of one read to the system as a 32-bit integer. */
const MAX_BYTES_PER_CALL = 2 ** 30;

function checkRange(source: ByteSource, offset: number, length: number): void {
  const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!valid || length > source.size - offset) {
    throw new RangeError(`read of ${length} bytes at ${offset} in ${source.name}, which has ${source.size}`);
  }
}

/** Bytes that are in memory already. Reads are copies, so that they are aligned and nobody changes the original. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.byteLength,
    read: (offset, length) =>
      Promise.resolve().then(() => {
        checkRange(source, offset, length);
        return new Uint8Array(bytes.subarray(offset, offset + length));
      }),
    close: () => Promise.resolve(),
  };
  return source;
}

/**
 * A file on disk, read through a borrowed handle that is closed after `idleMs` without a read and opened again on demand.
 *
 * @throws UserError `file.not-found`, `file.not-a-file`, `file.denied`, `file.unreadable` here and on every read;
 *   `file.changed` on a read after the file was replaced, rewritten or cut
 */
export async function openFileSource(path: string, idleMs = HANDLE_IDLE_MS): Promise<ByteSource> {
  const { handle, identity } = await openForReading(path);
  return new FileSource(path, identity, handle, idleMs);
}

interface FileIdentity {
  readonly inode: number;
  readonly size: number;
  readonly modified: number;
}

async function openForReading(path: string): Promise<{ handle: FileHandle; identity: FileIdentity }> {
  let handle: FileHandle | undefined;
  try {
    // Before it is opened as well: a socket cannot be, and a device may do something.
    requireFile(path, await stat(path));
    handle = await open(path, constants.O_RDONLY | NO_WAIT);
    const found = await handle.stat();
    requireFile(path, found);
    return { handle, identity: { inode: found.ino, size: found.size, modified: found.mtimeMs } };
  } catch (error) {
    await handle?.close();
    throw explainReadError(error, path);
  }
}

class FileSource implements ByteSource {
  readonly size: number;
  private handle: Promise<FileHandle> | undefined;
  private idle: NodeJS.Timeout | undefined;
  private readers = 0;
  private closed = false;

  constructor(
    readonly name: string,
    private readonly identity: FileIdentity,
    handle: FileHandle,
    private readonly idleMs: number,
  ) {
    this.size = identity.size;
    this.handle = Promise.resolve(handle);
    this.releaseWhenIdle();
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this, offset, length);
    if (this.closed) throw new Error(`read of ${this.name} after it was closed`);
    this.readers++;
    clearTimeout(this.idle);
    try {
      const handle = await this.borrow();
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const wanted = Math.min(length - done, MAX_BYTES_PER_CALL);
        const { bytesRead } = await handle.read(bytes, done, wanted, offset + done);
        if (bytesRead === 0) throw this.changed();
        done += bytesRead;
      }
      return bytes;
    } catch (error) {
      throw explainReadError(error, this.name);
    } finally {
      await this.endRead();
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.idle);
    await this.release();
  }

  private async endRead(): Promise<void> {
    this.readers--;
    if (this.closed) await this.release();
    else this.releaseWhenIdle();
  }

  private async borrow(): Promise<FileHandle> {
    this.handle ??= this.reopen();
    try {
      return await this.handle;
    } catch (error) {
      this.handle = undefined;
      throw error;
    }
  }

  private async reopen(): Promise<FileHandle> {
    const { handle, identity } = await openForReading(this.name);
    const { inode, size, modified } = identity;
    if (inode === this.identity.inode && size === this.size && modified === this.identity.modified) return handle;
    await handle.close();
    throw this.changed();
  }

  private changed(): UserError {
    return new UserError(
      'file.changed',
      l10n.t`${this.name} was changed while it was being read.`,
      l10n.t('Wait until nothing writes to it, then open it again.'),
    );
  }

  private releaseWhenIdle(): void {
    if (this.readers > 0) return;
    this.idle = setTimeout(() => void this.release(), this.idleMs).unref();
  }

  private async release(): Promise<void> {
    if (this.readers > 0) return;
    const handle = this.handle;
    this.handle = undefined;
    // A handle that could not be opened has been reported to its reader.
    await handle?.then(
      (opened) => opened.close(),
      () => undefined,
    );
  }
}
