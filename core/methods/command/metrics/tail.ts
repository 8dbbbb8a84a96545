import { open, stat, type FileHandle } from 'node:fs/promises';
import { systemCode } from '../../../errors';

const CHUNK = 1 << 20;
/** Number of bytes at the beginning and before the current offset that are compared to recognize the file. */
const HEAD = 4096;

/** Reads a growing file, each byte once; notices when the program rewrote it. */
export class FileTail {
  #offset = 0;
  #inode = -1;
  #head: Buffer = Buffer.alloc(0);
  #last: Buffer = Buffer.alloc(0);
  #changed = -1;
  #foreign = false;

  constructor(readonly file: string) {}

  /**
   * Marks what was read so far as written by another run. If the file is then touched without growing, it was rewritten
   * with the same bytes, as by a program that computes the same again.
   */
  disown(): void {
    this.#foreign = true;
  }

  /**
   * Reads to the end of the file.
   * @param onRestart called before the bytes of a file that does not continue what was read
   * @returns false if the file cannot be read (any more)
   */
  async read(onBytes: (bytes: Buffer) => void, onRestart: () => void): Promise<boolean> {
    let handle: FileHandle;
    try {
      // Opening a pipe would block until somebody writes to it.
      if (!(await stat(this.file)).isFile()) return false;
      handle = await open(this.file, 'r');
    } catch (error) {
      if (['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'EBUSY', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false;
      throw error;
    }
    try {
      if (!(await this.#continues(handle))) {
        this.#offset = 0;
        this.#head = Buffer.alloc(0);
        this.#last = Buffer.alloc(0);
        onRestart();
      }
      for (;;) {
        const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, this.#offset);
        if (bytesRead === 0) return true;
        this.#foreign = false;
        const bytes = buffer.subarray(0, bytesRead);
        if (this.#head.length < HEAD)
          this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD - this.#head.length)]);
        this.#last = Buffer.from(Buffer.concat([this.#last, bytes]).subarray(-HEAD));
        this.#offset += bytesRead;
        onBytes(bytes);
      }
    } finally {
      await handle.close();
    }
  }

  async #continues(handle: FileHandle): Promise<boolean> {
    const { size, ino, mtimeMs } = await handle.stat();
    const first = this.#inode === -1;
    const same = ino === this.#inode;
    const touched = mtimeMs !== this.#changed;
    this.#inode = ino;
    this.#changed = mtimeMs;
    if (first) return true;
    if (!same || size < this.#offset) return false;
    if (size === this.#offset && (!touched || this.#foreign)) return !touched;
    return (await holds(handle, this.#head, 0)) && (await holds(handle, this.#last, this.#offset - this.#last.length));
  }
}

async function holds(handle: FileHandle, expected: Buffer, position: number): Promise<boolean> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(expected.length), 0, expected.length, position);
  return buffer.subarray(0, bytesRead).equals(expected);
}
