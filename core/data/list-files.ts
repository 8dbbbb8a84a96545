import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainReadError } from './read-error';

/**
 * The paths of the files in a folder whose names are wanted, unsorted. Links to files count as files, as in the cache
 * of the Hugging Face hub; links to folders are not followed.
 * @throws UserError `data.not-found` (also for a broken link), `data.unreadable`
 */
export async function listFilesIn(
  folder: string,
  isWanted: (name: string) => boolean,
  { recursive = false } = {},
): Promise<string[]> {
  const entries = await readdir(folder, { recursive, withFileTypes: true }).catch((error: unknown) => {
    throw explainReadError(error, folder);
  });
  const files: string[] = [];
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name);
    if (isWanted(entry.name) && (await isFile(entry, file))) files.push(file);
  }
  return files;
}

async function isFile(entry: Dirent, file: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  const target = await stat(file).catch((error: unknown) => {
    throw explainReadError(error, file);
  });
  return target.isFile();
}
