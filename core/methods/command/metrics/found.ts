import path from 'node:path';
import { glob } from 'tinyglobby';
import { systemCode } from '../../../errors';

/** Folders that hold no results and may be very large. */
const IGNORED = ['**/node_modules/**', '**/.git/**', '**/__pycache__/**', '**/.venv/**'];

/**
 * The files (and folders, where asked for) that match, absolute, in the order of their names.
 * @param patterns globs, relative to each of the folders, or absolute
 * @param without a folder that is not looked into, unless one of `folders` lies in it
 */
export async function find(
  patterns: readonly string[],
  folders: readonly string[],
  options: { readonly directories: boolean; readonly without: string },
): Promise<string[]> {
  const found = new Set<string>();
  for (const cwd of folders) {
    const within = isInside(cwd, options.without);
    const names = await glob(patterns.map(withSlashes), {
      cwd,
      absolute: true,
      onlyFiles: !options.directories,
      ignore: IGNORED,
      expandDirectories: false,
      followSymbolicLinks: false,
    }).catch((error: unknown) => {
      // The folder may not be there yet.
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      const file = path.resolve(name);
      if (within ? isInside(file, cwd) : !isInside(file, options.without)) found.add(file);
    }
  }
  return [...found].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Whether a path lies in a folder, or is it. */
export const isInside = (file: string, folder: string): boolean => {
  const relative = path.relative(folder, file);
  return !relative.startsWith('..') && !path.isAbsolute(relative);
};

const withSlashes = (pattern: string) => (path.sep === '\\' ? pattern.replaceAll('\\', '/') : pattern);

/** Names that say which part of the data something was measured on. */
export const isSplit = (name: string): boolean =>
  /^(train|training|val|valid|validation|eval|evaluation|test|testing|dev)$/i.test(name);

/**
 * The names of metrics from several files: `validation/loss` from `logs/validation/events…` or `validation.csv`. The first
 * file that is not named after a part of the data needs nothing before its names. Two files never share a series, unless
 * they have one path.
 */
export class Prefixes {
  /** By prefix, in small letters: the path that it is of. */
  #taken = new Map<string, string>();

  /** What was given so far is of files that are not written any more: those after them may have their names. */
  release(): void {
    this.#taken = new Map();
  }

  /** @param parts what a file is called, after the folders that it lies in; or the folders, where they name it */
  of(parts: readonly string[]): string {
    const whole = parts.join('/');
    const label = parts.at(-1) ?? '';
    if (!isSplit(label) && this.#take('', whole)) return '';
    // "metrics/loss" beside "loss" would tell nothing where both are called metrics.
    const alike = this.#taken.get('')?.split('/').at(-1) === label;
    for (let length = alike ? 2 : 1; length < parts.length; length++) {
      const prefix = `${parts.slice(-length).join('/')}/`;
      if (this.#take(prefix, whole)) return prefix;
    }
    this.#taken.set(`${whole}/`.toLowerCase(), whole);
    return `${whole}/`;
  }

  #take(prefix: string, whole: string): boolean {
    const key = prefix.toLowerCase();
    const free = (this.#taken.get(key) ?? whole) === whole;
    if (free) this.#taken.set(key, whole);
    return free;
  }
}
