import { existsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { makeFolder, remove } from '../files';
import { formatBytes } from '../protocol/format';
import { cacheFolder, runtimesFolder } from '../user-folders';
import { locked } from '../workers/file-lock';
import { downloadSize, packagesOf, type LockedPackage, type Variant, type Wheel } from './catalog';
import { archiveName, NpmRegistry } from './npm-registry';
import { pipSettings } from './pip-settings';
import type { OnProgress } from './progress';
import { findWheel, type Place } from './sources';
import { checkFile, Web } from './web';

export interface WheelOptions {
  /** Addresses of Python indexes to use instead of those that pip is set up with. */
  readonly indexes?: readonly string[];
  /** Folders with wheels, or pages with links to them, which are looked into first. */
  readonly wheels?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/** What a variant is made of, as files of this machine. */
export interface Files {
  readonly wheels: ReadonlyMap<Wheel, string>;
  /** Archives of npm packages. */
  readonly archives: ReadonlyMap<LockedPackage, string>;
}

/** Where downloads are kept until they have been used. */
const downloads = () => path.join(cacheFolder(), 'downloads');
const downloaded = ({ file }: Pick<Wheel, 'file'>) => path.join(downloads(), file);
/** npm packages that are downloaded at the same time: they are many, and small. */
const AT_ONCE = 6;

/**
 * Has the wheels of a variant used: downloaded, or where they are. Meanwhile no other process of this user downloads. What was
 * downloaded is deleted when it has been used; otherwise the next try finds it.
 * @param room bytes that using them takes in the folder of runtimes
 * @param use gets the paths of the wheels
 * @throws UserError `runtime.*`, `disk.*`
 */
export async function withWheels<T>(
  variant: Variant,
  room: number,
  options: WheelOptions,
  use: (files: Files) => Promise<T>,
): Promise<T> {
  await makeFolder(downloads());
  const busy = () => {
    throw new UserError(
      'runtime.busy',
      l10n.t('Another process is downloading a runtime.'),
      l10n.t('Wait until it is done.'),
    );
  };
  return locked(
    path.join(downloads(), '.lock'),
    async () => {
      const result = await use(await obtain(variant, room, options));
      const archives = packagesOf(variant).map((one) => ({ file: archiveName(one) }));
      for (const one of [...variant.wheels, ...archives])
        for (const file of [downloaded(one), partOf(one)]) await remove(file);
      return result;
    },
    busy,
  );
}

const partOf = (wheel: Pick<Wheel, 'file'>) => `${downloaded(wheel)}.part`;

async function obtain(
  variant: Variant,
  room: number,
  { signal, onProgress = () => undefined, ...sources }: WheelOptions,
): Promise<Files> {
  const pip = await pipSettings();
  const settings = {
    ...pip,
    indexes: sources.indexes ?? pip.indexes,
    links: [...(sources.wheels ?? []), ...pip.links],
  };
  const web = await Web.open(settings.certificates === undefined ? {} : { certificates: settings.certificates });
  try {
    // Everything is found, and has room, before anything is downloaded.
    const places = new Map<Wheel, Place>();
    for (const wheel of variant.wheels)
      places.set(wheel, (await kept(wheel, signal)) ?? (await findWheel(wheel, settings, web, signal)));
    await requireSpace(variant, places, room);
    const total = downloadSize(variant);
    const files = new Map<Wheel, string>();
    let before = 0;
    for (const [wheel, place] of places) {
      const show = (done: number) => {
        onProgress({ stage: 'download', what: wheel.file, done: before + done, total });
      };
      show(0);
      const file = 'file' in place ? place.file : downloaded(wheel);
      if ('url' in place) await web.download(place.url, file, wheel, { onProgress: show, ...(signal && { signal }) });
      else if (file !== downloaded(wheel)) await checkFile(file, wheel, wheel.file, signal);
      files.set(wheel, file);
      before += wheel.size;
      show(0);
    }
    return { wheels: files, archives: await archivesOf(variant, settings.links, onProgress, signal) };
  } finally {
    await web.close();
  }
}

/** The archives of npm packages: those in folders, where they have the names that `npm pack` gives them, or from the user's registry. */
async function archivesOf(
  variant: Variant,
  links: readonly string[],
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<Map<LockedPackage, string>> {
  const all = packagesOf(variant);
  if (all.length === 0) return new Map();
  // A package may be in several places.
  const found = new Map(all.map((one) => [archiveName(one), '']));
  const folders = links.filter((link) => !/^https?:/i.test(link));
  const registry = await NpmRegistry.open();
  let done = 0;
  const obtainOne = async (one: LockedPackage) => {
    const name = archiveName(one);
    for (const file of [...folders.map((folder) => path.join(folder, name)), downloaded({ file: name })])
      if (existsSync(file)) {
        const own = file === downloaded({ file: name });
        try {
          await checkFile(file, one, name, signal);
          return file;
        } catch (error) {
          // What is in a folder of the user stays, and is said.
          if (!own) throw error;
          signal?.throwIfAborted();
          await remove(file);
        }
      }
    await registry.download(one, downloaded({ file: name }), signal ? { signal } : {});
    return downloaded({ file: name });
  };
  const waiting = [...new Map(all.map((one) => [archiveName(one), one])).values()];
  const work = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      found.set(archiveName(one), await obtainOne(one));
      onProgress({ stage: 'packages', what: one.name, done: ++done, total: found.size });
    }
  };
  try {
    // All of them end before the registry is closed.
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  } finally {
    await registry.close();
  }
  // In the order of the lock file.
  return new Map(all.map((one) => [one, found.get(archiveName(one))!]));
}

/** A download that an earlier attempt has finished; one that is damaged is deleted. */
async function kept(wheel: Wheel, signal?: AbortSignal): Promise<Place | undefined> {
  const file = downloaded(wheel);
  if (!existsSync(file)) return undefined;
  try {
    await checkFile(file, wheel, wheel.file, signal);
    return { file };
  } catch {
    signal?.throwIfAborted();
    await remove(file);
    return undefined;
  }
}

/** @throws UserError `disk.full`, before anything is downloaded */
async function requireSpace(variant: Variant, places: ReadonlyMap<Wheel, Place>, room: number): Promise<void> {
  let missing = 0;
  for (const [wheel, place] of places) {
    if ('file' in place) continue;
    const arrived = await stat(partOf(wheel)).then(
      ({ size }) => size,
      () => 0,
    );
    missing += Math.max(0, wheel.size - arrived);
  }
  const disk = async (folder: string) => {
    await makeFolder(folder);
    const { bavail, bsize } = await statfs(folder);
    return { folder, free: bavail * bsize, device: (await stat(folder)).dev };
  };
  const [cache, target] = [await disk(downloads()), await disk(runtimesFolder())];
  const needs =
    cache.device === target.device
      ? [{ ...target, bytes: missing + room }]
      : [
          { ...cache, bytes: missing },
          { ...target, bytes: room },
        ];
  for (const { folder, free, bytes } of needs)
    if (free < bytes)
      throw new UserError(
        'disk.full',
        l10n.t`${variant.title()} needs ${formatBytes(bytes)} in ${folder}, but only ${formatBytes(free)} is free. Nothing was downloaded.`,
        l10n.t(
          'Free some space, or set WINNOW_RUNTIMES (runtimes) and WINNOW_CACHE (downloads) to folders on another disk.',
        ),
      );
}
