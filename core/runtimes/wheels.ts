import { existsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { makeFolder, remove } from '../files';
import { formatBytes } from '../protocol/format';
import { cacheFolder, runtimesFolder } from '../user-folders';
import { locked } from '../workers/file-lock';
import { downloadSize, type Variant, type Wheel } from './catalog';
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

/** Where downloads are kept until they have been used. */
const downloads = () => path.join(cacheFolder(), 'downloads');
const downloaded = ({ file }: Wheel) => path.join(downloads(), file);

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
  use: (files: ReadonlyMap<Wheel, string>) => Promise<T>,
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
      for (const wheel of variant.wheels) for (const file of [downloaded(wheel), partOf(wheel)]) await remove(file);
      return result;
    },
    busy,
  );
}

const partOf = (wheel: Wheel) => `${downloaded(wheel)}.part`;

async function obtain(
  variant: Variant,
  room: number,
  { signal, onProgress = () => undefined, ...sources }: WheelOptions,
): Promise<ReadonlyMap<Wheel, string>> {
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
    return files;
  } finally {
    await web.close();
  }
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
