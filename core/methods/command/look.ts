import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** How a file or folder looks: what looks otherwise the next time is being written. */
export interface Look {
  /** A digest of names, sizes and times. */
  readonly mark: string;
  /** When it was written last, milliseconds since 1970. */
  readonly time: number;
}

/** Sizes and times of a file, or of all that lies in a folder; undefined where there is nothing (yet). */
export async function lookAt(file: string): Promise<Look | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return undefined;
  const digest = createHash('sha256');
  let time = found.mtimeMs;
  if (found.isDirectory()) {
    const names = (await readdir(file, { recursive: true }).catch(() => [])).sort();
    if (names.length === 0) return undefined;
    for (const name of names) {
      const inner = await stat(path.join(file, name)).catch(() => undefined);
      digest.update(`${name}\n${inner?.size ?? 0} ${inner?.mtimeMs ?? 0}\n`);
      time = Math.max(time, inner?.mtimeMs ?? 0);
    }
  } else digest.update(`${found.size} ${found.mtimeMs}`);
  return { mark: digest.digest('hex'), time };
}
