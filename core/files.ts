import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCode, UserError } from './errors';

/** Names that unfinished writes carry until they are renamed; whatever still has one after a crash is rubbish. */
export const PARTIAL = '.partial-';

/** Name of a whole folder while a new one takes its place; after a crash it is the only copy if the place is empty. */
const DISPLACED = '.displaced-';

const partialBeside = (target: string) =>
  path.join(path.dirname(target), `${PARTIAL}${path.basename(target)}-${randomBytes(4).toString('hex')}`);

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

/** Turns the disk's own errors into sentences; everything else passes through. */
export function explainDiskError(error: unknown, target: string): unknown {
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError(
        'disk.full',
        `No space left to write ${target}.`,
        'Free some space, then do it again; a run is resumed from its last checkpoint.',
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError('disk.denied', `Not allowed to write ${target}.`, 'Check the permissions of the folder.', {
        cause: error,
      });
    case 'ENOENT':
      return new UserError(
        'disk.vanished',
        `${path.dirname(target)} does not exist (any more).`,
        'Was the folder moved or deleted?',
        { cause: error },
      );
    default:
      return error;
  }
}

/**
 * Writes a file beside its place, syncs it and renames it: readers see the old content or the new, never half of it.
 * Content too large for memory is given in pieces; each is asked for when the one before it is written.
 */
export async function writeFileAtomic(
  target: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  const partial = partialBeside(target);
  try {
    const handle = await open(partial, 'wx');
    try {
      await writeFile(handle, data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw explainDiskError(error, target);
  }
}

async function replaceFolder(folder: string, target: string, previous: string | undefined): Promise<void> {
  const old = path.join(path.dirname(target), DISPLACED + path.basename(target));
  const hadOld = await rename(target, old).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  try {
    await rename(folder, target);
  } catch (error) {
    if (hadOld) await rename(old, target);
    throw error;
  }
  if (!hadOld) return;
  if (previous === undefined) await rm(old, { recursive: true, force: true });
  else await rename(old, previous);
}

/**
 * Cleans a folder up after a crash: removes unfinished writes, and puts a displaced folder back where the crash came
 * before its successor had taken its place.
 */
export async function recoverWrites(folder: string): Promise<void> {
  const names = await readdir(folder);
  for (const name of names) {
    const found = path.join(folder, name);
    if (name.startsWith(PARTIAL)) await rm(found, { recursive: true, force: true });
    if (!name.startsWith(DISPLACED)) continue;
    const place = name.slice(DISPLACED.length);
    if (names.includes(place)) await rm(found, { recursive: true, force: true });
    else await rename(found, path.join(folder, place));
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
  const partial = partialBeside(target);
  try {
    if (previous !== undefined) await rm(previous, { recursive: true, force: true });
    await mkdir(partial);
    await fill(partial);
    for (const entry of await readdir(partial, { recursive: true })) await syncToDisk(path.join(partial, entry));
    await syncToDisk(partial);
    await replaceFolder(partial, target, previous);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw explainDiskError(error, target);
  }
  await syncToDisk(path.dirname(target));
}
