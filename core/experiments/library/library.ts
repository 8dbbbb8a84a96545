import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isUnderway, type RunRow } from '../../protocol/runs';
import { readIndex, withNumbers, writeIndex, type IndexedKind } from './library-index';
import { runFolders } from './run-folders';
import { readRow } from './run-row';
import { sameStamp, stampOf } from './run-stamp';

/** Runs that are read in parallel: enough to hide the disk's latency, few enough for the limit on open files. */
const CONCURRENT = 16;
/** Runs that a scan waits for when there is much to read: the newest, which a list shows first. */
const FIRST = 200;
/** Runs per batch after those. A scan that is requested meanwhile waits for at most one batch. */
const SLICE = 50;
/** Finished runs that each scan compares with the disk again, in rotation. */
const IN_TURN = 25;
/** A folder that changed this recently may change again without a new modification time, milliseconds. */
const TIME_RESOLUTION = 2_000;
/** Delay from the last change to writing the index, milliseconds. */
const INDEX_DELAY = 2_000;

export interface LibraryChange {
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

interface Entry {
  readonly row: RunRow;
  /** What its files were like when they were read. */
  readonly stamp: string;
  /** The row from the index, until it has been compared with the disk; `row` is then marked as unverified. */
  readonly indexed?: RunRow;
}

/** A caller waiting for the next scan. */
interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The runs of one `runs/` folder, for a window that stays open for days. Every `refresh` checks the runs that can change,
 * with a few system calls. Finished runs are read once, kept in an index between windows, and compared with the disk now and
 * then. A folder of thousands of runs shows the newest at once and reads the others in the background.
 */
export class RunLibrary {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(change: LibraryChange) => void>();
  /** Runs to read when nothing is more urgent, in this order. */
  #backlog: string[] = [];
  /** Runs still to be compared with the disk in this rotation. */
  #turns: string[] = [];
  /** Runs reported as changed. */
  readonly #hinted = new Set<string>();
  #sorted: RunRow[] | undefined;
  #folderTime = -1;
  #readAt = 0;
  #waiting: Waiting | undefined;
  #working: Promise<void> | undefined;
  #indexTimer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param indexFile a cache that may be deleted at any time; without it nothing is kept */
  constructor(
    readonly runsDir: string,
    readonly indexFile?: string,
  ) {}

  /** When the folder was last scanned, milliseconds since 1970; 0 before the first scan. */
  get readAt(): number {
    return this.#readAt;
  }

  /** Newest first. */
  rows(): RunRow[] {
    this.#sorted ??= [...this.#entries.values()]
      .map(({ row }) => row)
      .sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
    return [...this.#sorted];
  }

  row(id: string): RunRow | undefined {
    return this.#entries.get(id)?.row;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @returns a function that ends the subscription */
  onDidChange(listener: (change: LibraryChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A path in the folder of runs has changed: its run is read again at the next refresh. */
  hint(changed: string): void {
    const [id] = path.relative(this.runsDir, changed).split(path.sep);
    if (id !== undefined && id !== '' && !id.startsWith('.')) this.#hinted.add(id);
  }

  /**
   * Reads what may have changed. For a large folder that was never read, or is known from the index only, it resolves when
   * the newest runs are up to date; `settled` waits for the others. Calls made before a scan begins share it.
   */
  refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#waiting ??= waiting();
    const { promise } = this.#waiting;
    this.#work();
    return promise;
  }

  /** Resolves when every run has been read and compared with the disk. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working;
  }

  /** Writes the index now. @throws UserError `disk.*` */
  async saveIndex(): Promise<void> {
    clearTimeout(this.#indexTimer);
    if (this.indexFile === undefined) return;
    const entries = [...this.#entries].map(([id, { row, indexed = row, stamp }]) => ({ id, stamp, run: indexed }));
    await writeIndex(this.indexFile, path.resolve(this.runsDir), ROWS, entries);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#indexTimer);
    this.#listeners.clear();
  }

  /** Only one scan at a time, so that an older result never replaces a newer one. */
  #work(): void {
    this.#working ??= this.#loop().finally(() => {
      this.#working = undefined;
    });
  }

  async #loop(): Promise<void> {
    for (;;) {
      const waiting = this.#waiting;
      if (waiting) {
        this.#waiting = undefined;
        await this.#look().then(waiting.resolve, waiting.reject);
      } else if (this.#backlog.length > 0 && !this.#closed) await this.#read(this.#backlog.splice(0, SLICE));
      else return;
    }
  }

  async #look(): Promise<void> {
    if (this.#readAt === 0) await this.#load();
    const names = await this.#names();
    if (names) this.#compare(names);
    this.#readAt = Date.now();
    const urgent = new Set(this.#hinted);
    this.#hinted.clear();
    for (const [id, { row }] of this.#entries) if (canChange(row)) urgent.add(id);
    this.#takeTurns();
    await this.#read([...urgent].sort(newestFirst));
    if (urgent.size < FIRST) await this.#read(this.#backlog.splice(0, FIRST - urgent.size));
    this.#readAt = Date.now();
  }

  async #load(): Promise<void> {
    if (this.indexFile === undefined) return;
    const indexed = await readIndex(this.indexFile, path.resolve(this.runsDir), ROWS);
    for (const { id, run, stamp } of indexed)
      this.#entries.set(id, { row: { ...run, unverified: true }, indexed: run, stamp });
    const ids = indexed.map(({ id }) => id);
    this.#backlog = [...ids].sort(newestFirst);
    this.#tell(ids, []);
  }

  /** Adds new folders to the backlog and drops those that are gone. */
  #compare(names: readonly string[]): void {
    const present = new Set(names);
    const removed = [...this.#entries.keys()].filter((id) => !present.has(id));
    for (const id of removed) this.#entries.delete(id);
    this.#tell([], removed);
    const added = names.filter((id) => !this.#entries.has(id));
    this.#backlog = [...new Set([...this.#backlog.filter((id) => present.has(id)), ...added])].sort(newestFirst);
  }

  #takeTurns(): void {
    if (this.#backlog.length > 0) return;
    if (this.#turns.length === 0) this.#turns = [...this.#entries.keys()];
    this.#backlog = this.#turns.splice(0, IN_TURN);
  }

  /** The folders in `runs/`, or undefined if none was added or removed since the last scan. */
  async #names(): Promise<string[] | undefined> {
    const time = await stat(this.runsDir).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (time === this.#folderTime && Date.now() - time > TIME_RESOLUTION) return undefined;
    this.#folderTime = time;
    if (time === 0) return [];
    return runFolders(this.runsDir).catch(() => []);
  }

  async #read(ids: readonly string[]): Promise<void> {
    const changed: string[] = [];
    const removed: string[] = [];
    const next = ids.values();
    const readOn = async () => {
      for (const id of next) {
        if (this.#closed) return;
        const before = this.#entries.get(id);
        const entry = await readEntry(path.resolve(this.runsDir, id), before);
        if (entry) this.#entries.set(id, entry);
        else this.#entries.delete(id);
        if (!entry && before) removed.push(id);
        if (entry && entry !== before && !sameRow(entry.row, before?.row)) changed.push(id);
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENT, ids.length) }, readOn));
    this.#tell(changed, removed);
  }

  #tell(changed: readonly string[], removed: readonly string[]): void {
    if (changed.length === 0 && removed.length === 0) return;
    this.#sorted = undefined;
    for (const listener of this.#listeners) listener({ changed, removed });
    if (this.indexFile === undefined || this.#closed) return;
    clearTimeout(this.#indexTimer);
    // A cache that cannot be written is not worth reporting.
    this.#indexTimer = setTimeout(() => void this.saveIndex().catch(() => undefined), INDEX_DELAY).unref();
  }
}

/** What the index of a window holds of each run. */
const ROWS: IndexedKind<RunRow> = {
  kind: 'rows',
  revive: (row) => ({ ...row, metrics: row.metrics && { ...row.metrics, values: withNumbers(row.metrics.values) } }),
};

function waiting(): Waiting {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((...callbacks) => {
    [resolve, reject] = callbacks;
  });
  return { promise, resolve, reject };
}

/** Ids begin with the time. */
const newestFirst = (a: string, b: string) => (a < b ? 1 : -1);

/** Whether the state can change without anybody resuming the run. */
const canChange = ({ state }: RunRow) => isUnderway(state) || CAN_CHANGE.has(state);
const CAN_CHANGE = new Set<RunRow['state']>(['queued', 'lost', 'damaged', 'unreadable']);

const sameRow = (a: RunRow, b: RunRow | undefined) => b !== undefined && JSON.stringify(a) === JSON.stringify(b);

/**
 * The current entry of a run: the same object if nothing changed, undefined if the folder is not a run (it is being created
 * or deleted, or is something else).
 */
async function readEntry(dir: string, before: Entry | undefined): Promise<Entry | undefined> {
  const stamp = await stampOf(dir);
  // Runs that are underway are always read: a worker's death changes no file. So are unreadable ones: the cause may be
  // outside of the run's files.
  const stays = before && !isUnderway(before.row.state) && before.row.state !== 'unreadable';
  if (stays && sameStamp(before.stamp, stamp)) return before.indexed ? { row: before.indexed, stamp } : before;
  const row = await readRow(dir);
  return row && { row, stamp };
}
