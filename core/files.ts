import { randomBytes } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { explainDiskError } from './disk-errors';
import { systemCode } from './errors';

export { explainDiskError };

/** Name prefix of unfinished writes until they are renamed; anything with this prefix after a crash is garbage. */
export const PARTIAL = '.partial-';

/** Name prefix of a folder while a new one replaces it; after a crash it is the only copy if its place is empty. */
const DISPLACED = '.displaced-';

const partialBeside = (target: string) =>
  path.join(path.dirname(target), `${PARTIAL}${path.basename(target)}-${randomBytes(4).toString('hex')}`);

/** Checks whether this process may still write below a folder, by folder. */
const guards = new Map<string, () => void>();

/**
 * From now on, every write of this module below a folder calls `check` first, so that no writer can forget to.
 * @param check throws if this process may no longer write there
 * @returns a function that removes the guard
 */
export function guardWrites(folder: string, check: () => void): () => void {
  guards.set(path.resolve(folder), check);
  return () => guards.delete(path.resolve(folder));
}

function assertMayWrite(target: string): void {
  if (guards.size === 0) return;
  const absolute = path.resolve(target);
  for (const [folder, check] of guards) if (absolute === folder || absolute.startsWith(folder + path.sep)) check();
}

/** Flushes a file or folder to disk, so that a later rename cannot get ahead of its content. */
export async function syncToDisk(target: string): Promise<void> {
  const handle = await open(target, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Windows and some network file systems cannot sync a folder; there is no alternative.
    if (!['EPERM', 'EINVAL', 'EISDIR', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** Creates a folder and its parents. @throws UserError `disk.*` */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw explainDiskError(error, folder);
  });
}

/** Removes a file, or a folder with its contents, if it exists. @throws UserError `disk.*` */
export async function remove(target: string): Promise<void> {
  assertMayWrite(target);
  await rm(target, { recursive: true, force: true }).catch((error: unknown) => {
    throw explainDiskError(error, target);
  });
}

/** Renames a file or folder. @throws UserError `disk.*` */
export function move(from: string, to: string): void {
  assertMayWrite(to);
  try {
    renameSync(from, to);
  } catch (error) {
    throw explainDiskError(error, to);
  }
}

/** Checks that a file can be created in a folder. @throws UserError `disk.*` */
export async function checkWritable(folder: string): Promise<void> {
  const trial = partialBeside(path.join(folder, 'trial'));
  try {
    await writeFile(trial, 'a few bytes', { flag: 'wx' });
  } catch (error) {
    throw explainDiskError(error, folder);
  } finally {
    await discard(trial);
  }
}

/** Removes an unfinished write. If even that fails, the error of the write is more useful. */
const discard = (partial: string) => rm(partial, { recursive: true, force: true }).catch(() => undefined);

/**
 * Writes to a temporary file next to the target, syncs it and renames it: readers see the old content or the new, never a
 * part of it. Content that is too large for memory is passed in pieces, each requested when the previous one has been
 * written.
 * @param options `sync: false` leaves it to the system when it reaches the disk: after a power failure it may be empty. For what is
 *   written again soon, and can be made again.
 * @throws UserError `disk.*`; the error of a guard of the folder
 */
export async function writeFileAtomic(
  target: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
  { sync = true }: { readonly sync?: boolean } = {},
): Promise<void> {
  assertMayWrite(target);
  const partial = partialBeside(target);
  try {
    const handle = await open(partial, 'wx');
    try {
      await writeFile(handle, data);
      if (sync) await handle.sync();
    } finally {
      await handle.close();
    }
    // This process does nothing between the check and the rename (`Lease` describes the remaining gap).
    assertMayWrite(target);
    renameSync(partial, target);
  } catch (error) {
    await discard(partial);
    throw explainDiskError(error, target);
  }
}

/** @returns the folder that was there before, next to the target, if there was one */
function takePlace(folder: string, target: string): string | undefined {
  const old = displacedBeside(target);
  let displaced: string | undefined;
  assertMayWrite(target);
  try {
    renameSync(target, old);
    displaced = old;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  try {
    renameSync(folder, target);
  } catch (error) {
    if (displaced !== undefined) putBack(displaced, target);
    throw error;
  }
  return displaced;
}

const displacedBeside = (target: string) => path.join(path.dirname(target), DISPLACED + path.basename(target));

function putBack(displaced: string, target: string): void {
  try {
    renameSync(displaced, target);
  } catch {
    // `recoverWrites` does this at the next start; the reason why the new folder could not be moved matters more.
  }
}

/**
 * Cleans up a folder after a crash: removes unfinished writes, and restores a displaced folder if the crash came before the
 * new one was in place.
 * @throws UserError `disk.*`; the error of a guard of the folder
 */
export async function recoverWrites(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw explainDiskError(error, folder);
  });
  for (const name of names) {
    const found = path.join(folder, name);
    if (name.startsWith(PARTIAL)) await remove(found);
    if (!name.startsWith(DISPLACED)) continue;
    const place = name.slice(DISPLACED.length);
    if (names.includes(place)) await remove(found);
    else {
      assertMayWrite(folder);
      await rename(found, path.join(folder, place));
    }
  }
}

/**
 * The same for a folder: `fill` writes into a folder next to `target`, which then replaces it.
 * @param options `previous`: where to move the replaced folder. Whatever is there is removed first, so that three folders
 *   never exist at once. `sync: false` leaves it to the system when the files reach the disk: for very many files, which
 *   can be written again.
 */
export async function writeFolderAtomic(
  target: string,
  fill: (folder: string) => Promise<void>,
  { previous, sync = true }: { readonly previous?: string; readonly sync?: boolean } = {},
): Promise<void> {
  assertMayWrite(target);
  const partial = partialBeside(target);
  try {
    if (previous !== undefined) await remove(previous);
    await mkdir(partial);
    await fill(partial);
    if (sync)
      for (const entry of await readdir(partial, { recursive: true })) await syncToDisk(path.join(partial, entry));
    await syncToDisk(partial);
    // A failed removal may have left a displaced folder. If the target is missing, a crash left it, and it is the only copy.
    if (existsSync(target)) await remove(displacedBeside(target));
    const displaced = takePlace(partial, target);
    assertMayWrite(target);
    if (displaced !== undefined) {
      if (previous === undefined) await discard(displaced);
      else renameSync(displaced, previous);
    }
    await syncToDisk(path.dirname(target));
  } catch (error) {
    await discard(partial);
    throw explainDiskError(error, target);
  }
}
