import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../errors';
import type { Origin, OriginFile } from './origin';

/** The folders of a run directory whose contents a mirror shows. */
const DEEP = ['checkpoints', 'artifacts'];

/** A run directory that this machine can read. What is being replaced is not there for a moment, which is not an error. */
export class FolderOrigin implements Origin {
  constructor(readonly dir: string) {}

  async list(): Promise<OriginFile[]> {
    const found: OriginFile[] = [];
    await this.#add('', found);
    return found;
  }

  async #add(folder: string, found: OriginFile[]): Promise<void> {
    const entries = await readdir(path.join(this.dir, folder), { withFileTypes: true }).catch(ifGone([]));
    for (const entry of entries) {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory() && (folder !== '' || DEEP.includes(file))) await this.#add(file, found);
      if (!entry.isFile()) continue;
      const here = await stat(path.join(this.dir, file)).catch(ifGone(undefined));
      if (here) found.push({ path: file, size: here.size, stamp: `${here.mtimeMs} ${here.ino}` });
    }
  }

  async read(file: string, offset: number, limit: number): Promise<Uint8Array | undefined> {
    const handle = await open(path.join(this.dir, file)).catch(ifGone(undefined));
    if (!handle) return undefined;
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(limit), 0, limit, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }
}

/** ESTALE: a network file system says so of a file that was replaced on another host. */
const ifGone =
  <T>(value: T) =>
  (error: unknown): T => {
    if (['ENOENT', 'ESTALE', 'ENOTDIR'].includes(systemCode(error) ?? '')) return value;
    throw error;
  };
