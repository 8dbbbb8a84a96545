import { open, type FileHandle } from 'node:fs/promises';
import { systemCode } from '../../../errors';

const CHUNK = 1 << 20;
/** Bytes at the beginning by which a file is known again. */
const HEAD = 4096;

/** Reads a file that a program writes, each byte once; notices when the program wrote it anew. */
export class FileTail {
  #offset = 0;
  #inode = -1;
  #head = Buffer.alloc(0);

  constructor(readonly file: string) {}

  /**
   * Reads to the end of the file.
   * @param onRestart called before the bytes of a file that is not a continuation of what was read
   * @returns false when the file cannot be read (any more)
   */
  async read(onBytes: (bytes: Buffer) => void, onRestart: () => void): Promise<boolean> {
    let handle: FileHandle;
    try {
      handle = await open(this.file, 'r');
    } catch (error) {
      if (['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'EBUSY', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false;
      throw error;
    }
    try {
      if (!(await this.#continues(handle))) {
        this.#offset = 0;
        this.#head = Buffer.alloc(0);
        onRestart();
      }
      for (;;) {
        const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, this.#offset);
        if (bytesRead === 0) return true;
        const bytes = buffer.subarray(0, bytesRead);
        if (this.#head.length < HEAD)
          this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD - this.#head.length)]);
        this.#offset += bytesRead;
        onBytes(bytes);
      }
    } finally {
      await handle.close();
    }
  }

  async #continues(handle: FileHandle): Promise<boolean> {
    const { size, ino } = await handle.stat();
    const first = this.#inode === -1;
    const same = ino === this.#inode;
    this.#inode = ino;
    if (first) return true;
    if (!same || size < this.#offset) return false;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(this.#head.length), 0, this.#head.length, 0);
    return buffer.subarray(0, bytesRead).equals(this.#head);
  }
}
