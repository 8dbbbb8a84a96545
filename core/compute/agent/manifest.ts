import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeFileAtomic } from '../../files';
import { cacheFolder } from '../../user-folders';
import type { TreeFile } from './calls';

/** A file on this machine, and where it goes in a tree. */
export interface LocalFile {
  /** Path in the tree, with slashes. */
  readonly path: string;
  /** Where it is here, absolute; or its content. */
  readonly from: string | Uint8Array;
}

/** A tree whose files are on this machine. */
export interface LocalTree {
  /** Depends on the files' paths and contents alone. */
  readonly name: string;
  readonly files: readonly (TreeFile & Pick<LocalFile, 'from'>)[];
}

/** Hashes that were computed before, by path, size and time of change: models have gigabytes. */
class KnownHashes {
  readonly #file = path.join(cacheFolder(), 'hashes.json');
  #known: Record<string, string> | undefined;
  #changed = false;

  async of(file: string): Promise<{ sha256: string; size: number }> {
    const { size, mtimeMs, ino } = await stat(file);
    this.#known ??= await readKnown(this.#file);
    const key = `${file} ${size} ${mtimeMs} ${ino}`;
    const before = this.#known[key];
    if (before !== undefined) return { sha256: before, size };
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    const sha256 = hash.digest('hex');
    // A file that was changed within the last seconds may change again without another time.
    if (Date.now() - mtimeMs > 2_000) {
      this.#known[key] = sha256;
      this.#changed = true;
    }
    return { sha256, size };
  }

  async keep(): Promise<void> {
    if (!this.#changed || !this.#known) return;
    const kept = Object.fromEntries(Object.entries(this.#known).slice(-MOST));
    this.#changed = false;
    const { mkdir } = await import('node:fs/promises');
    // Only time is lost if it cannot be kept.
    await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 }).catch(() => undefined);
    await writeFileAtomic(this.#file, JSON.stringify(kept)).catch(() => undefined);
  }
}

const MOST = 20_000;

async function readKnown(file: string): Promise<Record<string, string>> {
  try {
    const known: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof known !== 'object' || known === null) return {};
    return Object.fromEntries(
      Object.entries(known).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}

const hashes = new KnownHashes();

/** Names a tree by its contents. @throws the file system's error */
export async function treeOf(files: readonly LocalFile[]): Promise<LocalTree> {
  const hashed: (TreeFile & Pick<LocalFile, 'from'>)[] = [];
  for (const { path: place, from } of files) {
    const content =
      typeof from === 'string'
        ? await hashes.of(from)
        : { sha256: createHash('sha256').update(from).digest('hex'), size: from.length };
    const executable = typeof from === 'string' && ((await stat(from)).mode & 0o100) !== 0;
    hashed.push({ path: place, from, ...content, ...(executable && { executable: true as const }) });
  }
  await hashes.keep();
  hashed.sort((a, b) => (a.path < b.path ? -1 : 1));
  const name = createHash('sha256')
    .update(JSON.stringify(hashed.map(({ path: place, sha256, executable }) => [place, sha256, executable ?? false])))
    .digest('hex')
    .slice(0, 24);
  return { name, files: hashed };
}
