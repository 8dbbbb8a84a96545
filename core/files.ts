import { randomBytes } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { explainDiskError } from './disk-errors';
import { systemCode } from './errors';

export { explainDiskError };

/** Names that unfinished writes carry until they are renamed; whatever still has one after a crash is rubbish. */
export const PARTIAL = '.partial-';

/** Name of a whole folder while a new one takes its place; after a crash it is the only copy if the place is empty. */
const DISPLACED = '.displaced-';

const partialBeside = (target: string) =>
  path.join(path.dirname(target), `${PARTIAL}${path.basename(target)}-${randomBytes(4).toString('hex')}`);

/** Who says whether this process may still write below a folder. */
const guards = new Map<string, () => void>();

/**
 * From now on every write of this module below a folder asks first, so that no writer can forget to.
 * @param check throws where this process may no longer write there
 * @returns ends the guard
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

/** Flushes a file or folder to the disk, so that a rename that follows cannot outrun its content. */
export async function syncToDisk(target: string): Promise<void> {
  const handle = await open(target, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Windows and some network file systems cannot sync a folder; there is nothing better to do there.
    if (!['EPERM', 'EINVAL', 'EISDIR', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it. @throws UserError `disk.*` */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw explainDiskError(error, folder);
  });
}

/** Removes a file or a folder with all that is in it, if it is there. @throws UserError `disk.*` */
export async function remove(target: string): Promise<void> {
  assertMayWrite(target);
  await rm(target, { recursive: true, force: true }).catch((error: unknown) => {
    throw explainDiskError(error, target);
  });
}

/** Gives a file or folder another name. @throws UserError `disk.*` */
export function move(from: string, to: string): void {
  assertMayWrite(to);
  try {
    renameSync(from, to);
  } catch (error) {
    throw explainDiskError(error, to);
  }
}

/** Whether a folder takes a new file now. @throws UserError `disk.*` */
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

/** What could not be finished; where it cannot even be removed, the failure of the write says more. */
const discard = (partial: string) => rm(partial, { recursive: true, force: true }).catch(() => undefined);

/**
 * Writes a file beside its place, syncs it and renames it: readers see the old content or the new, never half of it.
 * Content too large for memory is given in pieces; each is asked for when the one before it is written.
 * @throws UserError `disk.*`; what a guard of the folder throws
 */
export async function writeFileAtomic(
  target: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  assertMayWrite(target);
  const partial = partialBeside(target);
  try {
    const handle = await open(partial, 'wx');
    try {
      await writeFile(handle, data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Between the question and the rename this process does nothing else (see `Lease` for what is left of the gap).
    assertMayWrite(target);
    renameSync(partial, target);
  } catch (error) {
    await discard(partial);
    throw explainDiskError(error, target);
  }
}

/** @returns the folder that was there before, beside its place, if there was one */
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
    // `recoverWrites` does it at the next start; what kept the new folder from its place is what must be told.
  }
}

/**
 * Cleans a folder up after a crash: removes unfinished writes, and puts a displaced folder back where the crash came
 * before its successor had taken its place.
 * @throws UserError `disk.*`; what a guard of the folder throws
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
 * The same for a whole folder: `fill` writes into a folder beside `target`, which then takes its place.
 * @param options `previous`: where the folder goes that was in this place. What is there goes first, so that there is never
 *   room needed for three.
 */
export async function writeFolderAtomic(
  target: string,
  fill: (folder: string) => Promise<void>,
  { previous }: { readonly previous?: string } = {},
): Promise<void> {
  assertMayWrite(target);
  const partial = partialBeside(target);
  try {
    if (previous !== undefined) await remove(previous);
    await mkdir(partial);
    await fill(partial);
    for (const entry of await readdir(partial, { recursive: true })) await syncToDisk(path.join(partial, entry));
    await syncToDisk(partial);
    // One that a failed removal left; a crash in the middle leaves no folder in the place.
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
