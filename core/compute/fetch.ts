import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { carriedMeta } from '../experiments/run/carried-files';
import { NOT_FETCHED } from '../checkpoint/not-fetched';
import { readMirror, writeMirror } from '../experiments/run/mirror-file';
import { explainDiskError, makeFolder, move, remove, writeFileAtomic, writeFolderAtomic } from '../files';
import { formatBytes } from '../protocol/format';
import { locked } from '../workers/file-lock';
import { below, isVisible, itemPath, lockOf, META, noItem, noMirror, stampOf } from './mirror';
import { PIECE, pieces, type Origin, type OriginFile } from './origin';

export interface FetchOptions {
  /** Ends it; what has arrived is kept, and the next fetch continues there. */
  readonly signal?: AbortSignal;
  /** Bytes that are here, of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What is being fetched has this name, with the item's and that of this state of it. Nothing lists it, because it begins with a dot. */
const FETCHING = '.fetching-';
/** Name of a single file's content while it is being fetched. */
const CONTENT = 'content';

/** A file of an item, and where it is on its way. */
interface Part extends OriginFile {
  readonly to: string;
}

/**
 * Fetches a checkpoint's folder or an artifact of a mirrored run, unless the local copy is up to date. A fetch that broke off is continued: what
 * has arrived stays beside the item until all of it is here, has the checksums of the other machine, and takes its place at once.
 * @param item relative to the run directory: `checkpoints/final`, `artifacts/results.json`
 * @returns its local path
 * @throws UserError `run.no-item`, `mirror.changing`, `mirror.damaged`, `target.unreachable`, `disk.*`; the signal's reason
 */
export async function fetchItem(
  dir: string,
  origin: Origin,
  item: string,
  options: FetchOptions = {},
): Promise<string> {
  const mirror = await readMirror(dir);
  if (!mirror) throw noMirror(dir);
  const target = itemPath(dir, item);
  const files = await filesOf(origin, item);
  if (files.length === 0) throw noItem(item, mirror.target);
  const stamp = stampOf(files);
  if (mirror.stamps[item] === stamp && (await isComplete(item, target, files))) return target;
  await makeFolder(path.dirname(target));
  const place = path.join(path.dirname(target), `${FETCHING}${path.basename(target)}-`);
  // Two that fetch the same would write into the same files.
  return locked(
    `${place}lock`,
    async () => {
      const partial = `${place}${stamp}`;
      await removeOthers(place, partial);
      await makeFolder(partial);
      const parts = files.map((file) => ({
        ...file,
        to: path.join(partial, ...(path.posix.relative(item, file.path) || CONTENT).split('/')),
      }));
      await download(parts, origin, dir, options);
      await locked(lockOf(dir), async () => {
        // Training may have replaced the checkpoint meanwhile: do not mix the files of two.
        if (stampOf(await filesOf(origin, item)) !== stamp) {
          await remove(partial);
          throw new UserError(
            'mirror.changing',
            l10n.t`${item} was replaced while it was fetched.`,
            l10n.t('Fetch it again.'),
          );
        }
        if (files.length === 1 && files[0]!.path === item) move(path.join(partial, CONTENT), target);
        else
          await writeFolderAtomic(target, async (folder) => {
            for (const entry of await readdir(partial)) move(path.join(partial, entry), path.join(folder, entry));
          });
        const now = await readMirror(dir);
        if (!now) throw noMirror(dir);
        await writeMirror(dir, { ...now, stamps: { ...now.stamps, [item]: stamp } });
      });
      await remove(partial);
      return target;
    },
    () => {
      options.signal?.throwIfAborted();
    },
  );
}

const filesOf = async (origin: Origin, item: string): Promise<OriginFile[]> =>
  below((await origin.list()).filter(isVisible), item);

/** Whether all files are here, of which the mirror knows that they are those of the other machine. */
async function isComplete(item: string, target: string, files: readonly OriginFile[]): Promise<boolean> {
  const sizes = await Promise.all(
    files.map(async ({ path: file, size }) => {
      const here = await sizeOf(path.join(target, ...path.posix.relative(item, file).split('/')));
      return META.test(file) ? here !== undefined : here === size;
    }),
  );
  return sizes.every(Boolean) && (await sizeOf(path.join(target, NOT_FETCHED))) === undefined;
}

const sizeOf = (file: string): Promise<number | undefined> =>
  stat(file).then(
    ({ size }) => size,
    () => undefined,
  );

/** What was fetched of an item that has been replaced since is of no use. */
async function removeOthers(place: string, current: string): Promise<void> {
  for (const name of await readdir(path.dirname(place)))
    if (
      name.startsWith(path.basename(place)) &&
      name !== `${path.basename(place)}lock` &&
      name !== path.basename(current)
    )
      await remove(path.join(path.dirname(place), name));
}

/** Has all parts here, complete and checked. Goes on after a connection that broke, as long as something arrives. */
async function download(parts: readonly Part[], origin: Origin, dir: string, options: FetchOptions): Promise<void> {
  const { signal, onProgress } = options;
  const total = parts.reduce((sum, { size }) => sum + size, 0);
  const here = async () => {
    let sum = 0;
    for (const { to, size } of parts) sum += Math.min(size, (await sizeOf(to)) ?? 0);
    return sum;
  };
  await requireSpace(dir, total - (await here()));
  for (let before = -1; ;) {
    try {
      let done = await here();
      onProgress?.(done, total);
      for (const part of parts)
        await receive(part, origin, signal, (bytes) => {
          onProgress?.((done += bytes), total);
        });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const now = await here();
      const broke = error instanceof UserError && error.code === 'target.unreachable';
      if (broke && now > before) {
        before = now;
        continue;
      }
      if (!broke || now === 0) throw error;
      throw new UserError(
        error.code,
        error.message,
        l10n.t`${formatBytes(now)} of ${formatBytes(total)} are here; the next fetch continues there. ${error.hint}`,
        { cause: error },
      );
    }
  }
}

/** Receives the rest of a file, and compares it with that of the other machine. */
async function receive(
  { path: file, size, to }: Part,
  origin: Origin,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  // Another text here than there, and small.
  if (META.test(file)) {
    const text: Uint8Array[] = [];
    for await (const piece of pieces(origin, file)) text.push(piece);
    await writeFileAtomic(to, carriedMeta(Buffer.concat(text).toString('utf8')));
    return;
  }
  const handle = await open(to, 'a+').catch((error: unknown) => {
    throw explainDiskError(error, to);
  });
  const hash = createHash('sha256');
  try {
    let { size: offset } = await handle.stat();
    // More than there is: of another state of the file.
    if (offset > size) await handle.truncate((offset = 0));
    if (offset > 0) await pipeline(createReadStream(to), hash, { end: false, ...(signal && { signal }) });
    while (offset < size) {
      signal?.throwIfAborted();
      const bytes = await unlessAborted(origin.read(file, offset, Math.min(PIECE, size - offset)), signal);
      // It has become shorter, or is gone: the list of files will tell.
      if (!bytes || bytes.length === 0) return;
      await handle.appendFile(bytes);
      hash.update(bytes);
      offset += bytes.length;
      onBytes(bytes.length);
    }
    await handle.sync();
  } catch (error) {
    throw explainDiskError(error, to);
  } finally {
    await handle.close();
  }
  const there = await unlessAborted(origin.sha256(file), signal);
  // Gone or changed: the list of files will tell.
  if (there === undefined || there === hash.digest('hex')) return;
  await remove(to);
  throw new UserError(
    'mirror.damaged',
    l10n.t`${file} did not arrive as it is on the other machine.`,
    l10n.t('What had arrived of it was deleted. Fetch it again.'),
  );
}

/** A slow line must not keep whoever has given up. @throws the signal's reason */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  signal.throwIfAborted();
  work.catch(() => undefined);
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort!);
  }
}

/** @throws UserError `disk.full`, before anything is fetched */
async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw new UserError(
    'disk.full',
    l10n.t`${formatBytes(bytes)} are to be fetched into ${folder}, but only ${formatBytes(bavail * bsize)} are free. Nothing was fetched.`,
    l10n.t('Free some space, or keep runs on another disk (winnow.runsFolder, --runs-dir).'),
  );
}
