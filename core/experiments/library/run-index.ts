import { createHash } from 'node:crypto';
import { mkdir, readdir, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { PARTIAL, remove } from '../../files';
import { cacheFolder } from '../../user-folders';
import { readIndex, writeIndex, type Indexed, type IndexedKind } from './library-index';
import { NO_STAMP, sameStamp, stampOf } from './run-stamp';

/** Runs from which an index is kept: fewer are read about as fast. */
const WORTHWHILE = 200;
/** Writing an index takes as long as reading this share of its runs. */
const REWRITE_SHARE = 0.02;
/** An index that nobody has used for this long belongs to a folder that is gone, milliseconds. */
const UNUSED = 60 * 24 * 3600 * 1000;
/** Its time says when it was last used, this exactly, milliseconds. */
const USED = 24 * 3600 * 1000;

export interface LastingKind<Run> extends IndexedKind<Run> {
  /** Whether a run stays as it is until one of its files changes. The state of one that is underway depends on its worker, too. */
  readonly lasts: (run: Run) => boolean;
}

/**
 * The runs of a folder as some process of this user has last read them, in the user's cache, so that a command does not read ten
 * thousand runs again. What is in it counts only if the files of a run are still what they were (`stampOf`).
 */
export class RunIndex<Run> {
  #known = new Map<string, Indexed<Run>>();
  /** What was read or confirmed this time. */
  readonly #now: Indexed<Run>[] = [];
  #reread = 0;
  #isWorthwhile = false;

  /**
   * @param folder absolute
   * @param cache the folder of the indexes
   */
  constructor(
    readonly folder: string,
    readonly kind: LastingKind<Run>,
    readonly cache: string = path.join(cacheFolder(), 'runs'),
  ) {}

  get #file(): string {
    return path.join(this.cache, `${createHash('sha256').update(this.folder).digest('hex').slice(0, 24)}.jsonl`);
  }

  /** @param size how many runs there are */
  async load(size: number): Promise<void> {
    this.#isWorthwhile = size >= WORTHWHILE;
    if (!this.#isWorthwhile) return;
    const entries = await readIndex(this.#file, this.folder, this.kind);
    this.#known = new Map(entries.map((entry) => [entry.id, entry]));
  }

  /** A run, from its files if they have changed. @param id the name of its folder */
  async read(id: string, fromFiles: (dir: string) => Promise<Run | undefined>): Promise<Run | undefined> {
    const dir = path.join(this.folder, id);
    if (!this.#isWorthwhile) return fromFiles(dir);
    // Before its files are read: what changes meanwhile has another stamp the next time.
    const stamp = await stampOf(dir);
    const known = this.#known.get(id);
    if (known && sameStamp(known.stamp, stamp)) {
      this.#now.push(known);
      return known.run;
    }
    const run = await fromFiles(dir);
    if (run !== undefined && stamp !== NO_STAMP && this.kind.lasts(run)) {
      this.#now.push({ id, stamp, run });
      this.#reread++;
    }
    return run;
  }

  /** Keeps what was read, if that is worth it. A cache that cannot be written is not worth reporting. */
  async save(): Promise<void> {
    if (!this.#isWorthwhile) return;
    try {
      if (this.#reread > REWRITE_SHARE * this.#now.length) {
        await mkdir(this.cache, { recursive: true, mode: 0o700 });
        await writeIndex(this.#file, this.folder, this.kind, this.#now);
        await this.#tidy();
      } else await this.#touch();
    } catch {
      // The next command reads the runs again.
    }
  }

  async #touch(): Promise<void> {
    const { mtimeMs } = await stat(this.#file);
    if (Date.now() - mtimeMs > USED) await utimes(this.#file, new Date(), new Date());
  }

  /** Removes the indexes of folders that are gone, and what a process left that was killed while it wrote. */
  async #tidy(): Promise<void> {
    for (const name of await readdir(this.cache)) {
      const file = path.join(this.cache, name);
      const { mtimeMs } = await stat(file);
      if (Date.now() - mtimeMs > (name.startsWith(PARTIAL) ? USED : UNUSED)) await remove(file);
    }
  }
}
