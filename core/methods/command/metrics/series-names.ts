import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../../../files';
import { isInside } from './found';
import { isSplit } from './splits';

/** Prefix of each file's metrics, by source and file; paths inside the run directory are relative to it. */
const stored = z.record(z.string(), z.record(z.string(), z.string()));

/**
 * Names the metrics of several files: `validation/loss` from `logs/validation/events…` or `validation.csv`. The first
 * file that is not named after a split needs no prefix. Two files written in one attempt never share a series, unless
 * they are named by the same folder; in a later attempt, a file keeps its prefix.
 */
export class SeriesNames {
  /** By prefix in lower case: which file has it in this attempt. */
  readonly #taken = new Map<string, string>();
  readonly #known = new Map<string, string>();
  #changed = false;

  /**
   * @param runDir the run directory, where the names are stored for the next attempt
   * @param source identifies the source; each source names its files independently
   */
  constructor(
    readonly runDir: string,
    readonly source: string,
  ) {}

  /** Loads the prefixes from an earlier attempt. */
  async load(): Promise<void> {
    for (const [file, prefix] of Object.entries((await this.#read())[this.source] ?? {})) this.#known.set(file, prefix);
  }

  /** The prefix that an earlier attempt gave to a file. */
  before(file: string): string | undefined {
    return this.#known.get(this.#keyOf(file));
  }

  /**
   * The prefix of a file that is written in this attempt.
   * @param parts the folders of its path and its name; or only the folders, if they name it
   */
  of(file: string, parts: readonly string[]): string {
    const whole = parts.join('/');
    const before = this.before(file);
    if (before !== undefined && this.#take(before, whole)) return before;
    const prefix = this.#free(parts, whole);
    this.#known.set(this.#keyOf(file), prefix);
    this.#changed = true;
    return prefix;
  }

  /** Stores new prefixes for the next attempt. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    const all = { ...(await this.#read()), [this.source]: Object.fromEntries(this.#known) };
    await writeFileAtomic(this.#file, `${JSON.stringify(all, null, 2)}\n`);
  }

  get #file(): string {
    return path.join(this.runDir, 'series.json');
  }

  async #read(): Promise<z.infer<typeof stored>> {
    const text = await readFile(this.#file, 'utf8').catch(() => '{}');
    try {
      return stored.safeParse(JSON.parse(text)).data ?? {};
    } catch {
      return {};
    }
  }

  #free(parts: readonly string[], whole: string): string {
    const label = parts.at(-1) ?? '';
    if (!isSplit(label) && this.#take('', whole)) return '';
    // "metrics/loss" next to "loss" would not help if both files are called metrics.
    const alike = this.#taken.get('')?.split('/').at(-1) === label;
    for (let length = alike ? 2 : 1; length < parts.length; length++) {
      const prefix = `${parts.slice(-length).join('/')}/`;
      if (this.#take(prefix, whole)) return prefix;
    }
    this.#take(`${whole}/`, whole);
    return `${whole}/`;
  }

  #take(prefix: string, whole: string): boolean {
    const key = prefix.toLowerCase();
    const free = (this.#taken.get(key) ?? whole) === whole;
    if (free) this.#taken.set(key, whole);
    return free;
  }

  #keyOf(file: string): string {
    if (!isInside(file, this.runDir)) return file;
    return path.relative(this.runDir, file).replaceAll(path.sep, '/');
  }
}
