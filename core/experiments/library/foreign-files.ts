import { createHash, type Hash } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** How a file or folder looks: what looks otherwise the next time is being written. */
export interface Look {
  /** A digest of names, sizes and times. */
  readonly mark: string;
  /** When it was written last, milliseconds since 1970. */
  readonly time: number;
}

/** What a file or folder holds. */
export interface Content {
  /** Of names, sizes and bytes. */
  readonly digest: string;
  /** Whether every byte went into it; of large files only samples do. */
  readonly whole: boolean;
}

/** A file up to this size is read whole, in bytes. */
const READ_WHOLE = 16 * 2 ** 20;
/** Of a larger one, this many pieces of this many bytes, from its start to its end. */
const PIECES = 256;
const PIECE = 16 * 2 ** 10;

/** Sizes and times of a file, or of all that lies in a folder; undefined where there is nothing (yet). */
export async function lookAt(file: string): Promise<Look | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return undefined;
  const digest = createHash('sha256');
  let time = found.mtimeMs;
  if (found.isDirectory()) {
    const names = await namesIn(file).catch(() => []);
    if (names.length === 0) return undefined;
    for (const name of names) {
      const inner = await stat(path.join(file, name)).catch(() => undefined);
      digest.update(`${name}\n${inner?.size ?? 0} ${inner?.mtimeMs ?? 0}\n`);
      time = Math.max(time, inner?.mtimeMs ?? 0);
    }
  } else digest.update(`${found.size} ${found.mtimeMs}`);
  return { mark: digest.digest('hex'), time };
}

/**
 * What tells two files or folders apart whatever their times are: weights are hundreds of gigabytes sometimes, so of a
 * large file samples from all over it have to do. Undefined where it cannot be read.
 */
export async function contentOf(file: string): Promise<Content | undefined> {
  try {
    const digest = createHash('sha256');
    if (!(await stat(file)).isDirectory()) {
      const whole = await addFile(digest, file);
      return { digest: digest.digest('hex'), whole };
    }
    let whole = true;
    for (const name of await namesIn(file)) {
      digest.update(`${name.replaceAll(path.sep, '/')}\n`);
      if (!(await addFile(digest, path.join(file, name)))) whole = false;
    }
    return { digest: digest.digest('hex'), whole };
  } catch {
    return undefined;
  }
}

const namesIn = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

/** @returns whether all of its bytes were read */
async function addFile(digest: Hash, file: string): Promise<boolean> {
  const found = await stat(file);
  // Opening a pipe would wait for somebody who writes into it.
  if (!found.isFile()) return true;
  digest.update(`${found.size}\n`);
  const handle = await open(file, 'r');
  try {
    if (found.size <= READ_WHOLE) {
      digest.update(await handle.readFile());
      return true;
    }
    const piece = Buffer.alloc(PIECE);
    for (let i = 0; i < PIECES; i++) {
      const { bytesRead } = await handle.read(piece, 0, PIECE, Math.floor((i * (found.size - PIECE)) / (PIECES - 1)));
      digest.update(piece.subarray(0, bytesRead));
    }
    return false;
  } finally {
    await handle.close();
  }
}
