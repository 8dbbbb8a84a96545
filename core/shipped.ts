import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * A file or folder that comes with Winnow. It is found from the bundles in `dist/` (and `dist/chunks/`, `dist/test/`, …) as
 * well as from the sources.
 * @param name path from the root of the package
 * @returns its absolute path; undefined if this installation does not have it
 */
export function shipped(...name: readonly string[]): string | undefined {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, ...name);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) return undefined;
  }
}
