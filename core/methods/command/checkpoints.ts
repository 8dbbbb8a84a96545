import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { remove, writeFileAtomic } from '../../files';
import type { Measured } from './metrics/measured';
import { isInside } from './metrics/found';

/** A file or folder that matches, and how it looked: what still changes is still being written. */
interface Found {
  readonly path: string;
  readonly mark: string;
}

/** A checkpoint that became whole. */
export interface NewCheckpoint {
  readonly name: string;
  /** The step that its name tells, else the one that the run had reached. */
  readonly step: number;
  /** What was measured by then. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Finds a program's checkpoints and makes each one of the run, as a folder in `checkpoints/` whose `meta.json` points to
 * it. The files stay the program's: one that it deletes (to keep the last three) goes from the run as well.
 */
export class CheckpointFinder {
  /** What was there before the run: of an earlier one, until it changes. */
  readonly #before = new Map<string, string>();
  /** How a candidate looked the last time: two looks alike make it whole. */
  readonly #seen = new Map<string, string>();
  /** By path: its name in `checkpoints/`, and how it looked when it became one. */
  readonly #kept = new Map<string, { readonly name: string; readonly mark: string }>();
  #latest: string | undefined;

  /**
   * @param list lists what matches now
   * @param runDir the run directory; a checkpoint inside it moves with it
   */
  constructor(
    readonly list: () => Promise<readonly string[]>,
    readonly runDir: string,
  ) {}

  /** Notes what is there already, and which of it an earlier attempt of this run has made its own. */
  async begin(): Promise<void> {
    const folder = this.#folder();
    let newest = -1;
    for (const name of await readdir(folder).catch(() => [])) {
      const written: unknown = await readFile(path.join(folder, name, 'meta.json'), 'utf8').then(
        (text) => JSON.parse(text) as unknown,
        () => undefined,
      );
      if (
        typeof written !== 'object' ||
        written === null ||
        !('source' in written) ||
        typeof written.source !== 'string'
      )
        continue;
      const source = path.resolve(folder, name, written.source);
      const mark = await markOf(source);
      if (mark === undefined) continue;
      this.#kept.set(source, { name, mark });
      const { mtimeMs } = await stat(source);
      if (mtimeMs <= newest) continue;
      newest = mtimeMs;
      this.#latest = source;
    }
    for (const found of await this.#found())
      if (!this.#kept.has(found.path) && !isInside(found.path, this.runDir)) this.#before.set(found.path, found.mark);
  }

  /** The newest checkpoint, absolute. */
  get latest(): string | undefined {
    return this.#latest;
  }

  /**
   * @param last whether the program is over, so that nothing is being written any more
   */
  async look(measured: Measured, last: boolean): Promise<NewCheckpoint[]> {
    const found = await this.#found();
    const fresh: NewCheckpoint[] = [];
    for (const { path: source, mark } of found) {
      if (this.#before.get(source) === mark || this.#kept.get(source)?.mark === mark) continue;
      this.#before.delete(source);
      if (last || this.#seen.get(source) === mark) fresh.push(await this.#keep(source, mark, measured));
      this.#seen.set(source, mark);
    }
    const there = new Set(found.map((one) => one.path));
    for (const [source, { name }] of this.#kept) if (!there.has(source)) await this.#drop(source, name);
    return fresh;
  }

  async #keep(source: string, mark: string, measured: Measured): Promise<NewCheckpoint> {
    const name = this.#kept.get(source)?.name ?? this.#freeName(source);
    this.#kept.set(source, { name, mark });
    this.#latest = source;
    const folder = path.join(this.#folder(), name);
    await mkdir(folder, { recursive: true });
    const step = stepIn(name) ?? measured.step;
    const metrics = measured.at(step);
    const pointer = isInside(source, this.runDir) ? path.relative(folder, source) : source;
    const meta = { kind: 'model', step, source: pointer, metrics };
    await writeFileAtomic(path.join(folder, 'meta.json'), `${JSON.stringify(meta, null, 2)}\n`);
    return { name, step, metrics };
  }

  async #drop(source: string, name: string): Promise<void> {
    this.#kept.delete(source);
    this.#seen.delete(source);
    if (this.#latest === source) this.#latest = [...this.#kept.keys()].at(-1);
    await remove(path.join(this.#folder(), name));
  }

  #folder(): string {
    return path.join(this.runDir, 'checkpoints');
  }

  /** The last part of the path; with the folder before it where several are called the same. */
  #freeName(source: string): string {
    const taken = new Set([...this.#kept.values()].map(({ name }) => name.toLowerCase()));
    const parts = source.split(path.sep).filter(Boolean);
    for (let length = 1; length <= parts.length; length++) {
      const name = parts
        .slice(-length)
        .join('-')
        .replace(/^\.+/, '')
        .replaceAll(/[:*?"<>|]/g, '_');
      if (name !== '' && !taken.has(name.toLowerCase())) return name;
    }
    return `${parts.at(-1) ?? 'checkpoint'}-${taken.size}`;
  }

  async #found(): Promise<Found[]> {
    const found: Found[] = [];
    for (const file of await this.list()) {
      const mark = await markOf(file);
      if (mark !== undefined) found.push({ path: file, mark });
    }
    return found;
  }
}

/** Sizes and times of a file, or of what lies directly in a folder; undefined where there is nothing (yet). */
async function markOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return undefined;
  if (!found.isDirectory()) return `${found.size} ${found.mtimeMs}`;
  const names = await readdir(file).catch(() => []);
  if (names.length === 0) return undefined;
  const marks = await Promise.all(
    names.sort().map(async (name) => {
      const inner = await stat(path.join(file, name)).catch(() => undefined);
      return `${name} ${inner?.size ?? 0} ${inner?.mtimeMs ?? 0}`;
    }),
  );
  return marks.join('\n');
}

/** `checkpoint-500`, `epoch=3-step=1200.ckpt`, `model_10.safetensors`. */
function stepIn(name: string): number | undefined {
  const named =
    /(?:step|iter|global_step)[-_=]?(\d+)/i.exec(name) ??
    /(?:checkpoint|ckpt|model|epoch|weights)[-_=](\d+)/i.exec(name);
  return named?.[1] === undefined ? undefined : Number(named[1]);
}
