import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { PARTIAL } from '../files';

/**
 * Folders beside an export that were left unfinished because the process was killed. Another export may still be
 * writing one: whoever deletes them has to know.
 *
 * @returns absolute paths
 */
export async function unfinishedBeside(target: string): Promise<string[]> {
  const parent = path.dirname(path.resolve(target));
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(PARTIAL) && /-[0-9a-f]{8}$/.test(entry.name))
    .map(({ name }) => path.join(parent, name));
}
