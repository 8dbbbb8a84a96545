import { createHash, type Hash } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** The state of a file or folder on disk. If it differs the next time, the file is still being written. */
export interface Look {
  /** A digest of names, sizes and times. */
  readonly mark: string;
  /** When it was last written, milliseconds since 1970. */
  readonly time: number;
}

/** A summary of the content of a file or folder. */
export interface Content {
  /** Of names, sizes and bytes. */
  readonly digest: string;
  /** Whether all bytes were hashed; large files are only sampled. */
  readonly whole: boolean;
}

/** Files up to this size are hashed completely; bytes. */
const READ_WHOLE = 16 * 2 ** 20;
/** Of larger files, this many pieces of this many bytes are hashed, spread evenly over the file. */
const PIECES = 256;
const PIECE = 16 * 2 ** 10;

/** Sizes and times of a file, or of everything in a folder; undefined if it does not exist or is empty. */
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
 * Identifies the content of a file or folder regardless of its times. Weights can be hundreds of gigabytes, so large files
 * are sampled. Undefined if it cannot be read.
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

/** @returns whether all bytes were hashed */
async function addFile(digest: Hash, file: string): Promise<boolean> {
  const found = await stat(file);
  // Opening a pipe would block until somebody writes to it.
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
