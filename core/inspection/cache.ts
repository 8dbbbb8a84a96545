import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../files';

/** Increase it whenever the content of a result or its computation changes. */
const VERSION = 2;

/** Entries are some kilobytes each; above this number, the oldest quarter is deleted. */
const MAX_ENTRIES = 4096;

interface Entry {
  readonly key: string;
  readonly result: unknown;
}

/** Results that are expensive to compute, one JSON file each. The folder can be deleted at any time. */
export class InspectionCache {
  readonly #folder: string | undefined;

  /** @param folder created with the first result; without it nothing is cached */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** @returns undefined if there is no such result, or it cannot be read */
  async get(key: string): Promise<unknown> {
    if (this.#folder === undefined) return undefined;
    try {
      const entry = JSON.parse(await readFile(this.#fileOf(key), 'utf8')) as Partial<Entry> | null;
      return entry?.key === versioned(key) ? (entry.result ?? undefined) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Stores a result if possible; otherwise it is simply computed again. */
  async put(key: string, result: unknown): Promise<void> {
    if (this.#folder === undefined) return;
    try {
      await mkdir(this.#folder, { recursive: true });
      const entry: Entry = { key: versioned(key), result };
      await writeFileAtomic(this.#fileOf(key), JSON.stringify(entry));
      await this.#prune(this.#folder);
    } catch {
      return;
    }
  }

  #fileOf(key: string): string {
    return path.join(this.#folder!, `${createHash('sha256').update(versioned(key)).digest('hex')}.json`);
  }

  async #prune(folder: string): Promise<void> {
    const names = await readdir(folder);
    if (names.length <= MAX_ENTRIES) return;
    const aged = await Promise.all(
      names.map(async (name) => ({ name, time: (await stat(path.join(folder, name))).mtimeMs })),
    );
    aged.sort((a, b) => a.time - b.time);
    for (const { name } of aged.slice(0, MAX_ENTRIES / 4)) await rm(path.join(folder, name), { force: true });
  }
}

const versioned = (key: string) => `${VERSION} ${key}`;
