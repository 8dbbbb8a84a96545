import path from 'node:path';
import { glob } from 'tinyglobby';
import { systemCode } from '../../../errors';

/** Folders without results that may be very large. */
const IGNORED = ['**/node_modules/**', '**/.git/**', '**/__pycache__/**', '**/.venv/**'];

/**
 * The absolute paths of the files (and folders, if requested) that match, sorted by name.
 * @param patterns globs, relative to each of the folders, or absolute
 * @param without a folder that is not searched, unless one of `folders` is inside it
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
      // The folder may not exist yet.
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

/** Whether a path is inside a folder, or is the folder. */
export const isInside = (file: string, folder: string): boolean => {
  const relative = path.relative(folder, file);
  return !relative.startsWith('..') && !path.isAbsolute(relative);
};

const withSlashes = (pattern: string) => (path.sep === '\\' ? pattern.replaceAll('\\', '/') : pattern);
