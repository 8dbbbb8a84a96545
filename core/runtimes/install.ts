import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { nvidiaGpus } from '../engine/devices/nvidia';
import {
  installCommand,
  RUNTIME_FILE,
  runtimeIn,
  type Installable,
  type InstalledRuntime,
  type RuntimeRecord,
} from '../engine/runtime/installed';
import { UserError } from '../errors';
import { explainDiskError, makeFolder, remove, writeFileAtomic } from '../files';
import { formatBytes } from '../protocol/format';
import { cacheFolder, runtimesFolder } from '../user-folders';
import { locked } from '../workers/file-lock';
import { compileAddon, requireCompiler } from './addon';
import { downloadSize, type Variant, type Wheel } from './catalog';
import { chooseVariant, type Wishes } from './choose';
import { installPackages } from './packages';
import { pipSettings, type PipSettings } from './pip-settings';
import { findWheel, type Place } from './sources';
import { verify } from './verify';
import { checkFile, Web } from './web';
import { unpack } from './wheel';

export interface InstallOptions extends Wishes {
  /** The program `verifier.js`. */
  readonly verifier: string;
  /** Addresses of Python indexes to use instead of those that pip is set up with. */
  readonly indexes?: readonly string[];
  /** Folders with wheels, which are looked into first. */
  readonly wheels?: readonly string[];
  /** Whether it computes a known training before it counts as installed; default: yes. */
  readonly verify?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
}

/** What is being done, and how much of it is done, bytes. */
export interface InstallProgress {
  readonly stage: 'remote' | 'download' | 'unpack' | 'packages' | 'compile' | 'verify';
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

/** Files that are being installed have this beginning until they are complete. */
const STAGING = '.staging-';

/** Where a runtime is, or would be. */
export const runtimeFolder = (name: Installable): string => path.join(runtimesFolder(), name);

/** Where downloads are kept until their runtime is installed. */
const downloads = () => path.join(cacheFolder(), 'downloads');

/**
 * Installs a runtime into the user's folder. What an earlier one had there is replaced only when the new one is complete and
 * computes as the CPU does. A download that was interrupted goes on where it stopped.
 * @throws UserError `runtime.*`, `disk.*`; then everything is as it was, except for finished downloads
 */
export async function installRuntime(name: Installable, options: InstallOptions): Promise<InstalledRuntime> {
  const variant = chooseVariant(name, await nvidiaGpus(), options);
  if (variant.compiled) await requireCompiler(options.signal);
  return installVariant(variant, options);
}

/** Installs one variant, whether it fits this machine or not. @throws as `installRuntime` */
export async function installVariant(variant: Variant, options: InstallOptions): Promise<InstalledRuntime> {
  await makeFolder(runtimesFolder());
  const busy = () => {
    throw new UserError(
      'runtime.busy',
      l10n.t`The runtime ${variant.name} is being installed by another process.`,
      l10n.t('Wait until it is done.'),
    );
  };
  return locked(path.join(runtimesFolder(), `.${variant.name}.lock`), () => install(variant, options), busy);
}

async function install(variant: Variant, options: InstallOptions): Promise<InstalledRuntime> {
  const { signal, onProgress = () => undefined } = options;
  const { name } = variant;
  const settings = settingsOf(await pipSettings(), options);
  const web = await Web.open(settings.certificates);
  await removeStaging(name);
  const staging = path.join(runtimesFolder(), `${STAGING}${name}-${randomBytes(4).toString('hex')}`);
  try {
    // Everything is found, and has room, before anything is downloaded.
    const places = new Map<Wheel, Place>();
    for (const wheel of variant.wheels) places.set(wheel, await findWheel(wheel, settings, web, signal));
    await requireSpace(variant, places);
    const files = await obtain(variant, places, web, onProgress, signal);
    await makeFolder(staging);
    await assemble(variant, files, staging, onProgress, signal);
    const record: RuntimeRecord = {
      v: 1,
      name,
      variant: variant.id,
      title: variant.title(),
      package: variant.package,
      libraries: [...variant.libraries],
      files: await sizesBelow(staging),
      installed: Date.now(),
      verified: null,
    };
    await writeFileAtomic(path.join(staging, RUNTIME_FILE), JSON.stringify(record));
    if (options.verify !== false) {
      onProgress({ stage: 'verify', what: record.title, done: 0, total: 0 });
      const gpu = await verify(options.verifier, name, staging, signal);
      const verified: RuntimeRecord = { ...record, verified: gpu ? 'gpu' : 'cpu' };
      await writeFileAtomic(path.join(staging, RUNTIME_FILE), JSON.stringify(verified));
    }
    signal?.throwIfAborted();
    await replace(runtimeFolder(name), staging);
    for (const [wheel, file] of files) if (file === downloaded(wheel)) await remove(file);
    return runtimeIn(runtimeFolder(name))!;
  } finally {
    await rm(staging, { recursive: true, force: true });
    await web.close();
  }
}

/** Puts everything into a folder: libraries, packages, and the add-on, if there is one to compile. */
async function assemble(
  variant: Variant,
  files: ReadonlyMap<Wheel, string>,
  folder: string,
  onProgress: NonNullable<InstallOptions['onProgress']>,
  signal?: AbortSignal,
): Promise<void> {
  // First, because npm deletes what it did not put into node_modules, where some of the libraries go.
  onProgress({ stage: 'packages', what: variant.title(), done: 0, total: 0 });
  await installPackages(variant, folder, signal);
  let done = 0;
  for (const [wheel, file] of files) {
    onProgress({ stage: 'unpack', what: wheel.file, done, total: downloadSize(variant) });
    await unpack(file, wheel, folder, signal);
    done += wheel.size;
  }
  if (!variant.compiled) return;
  onProgress({ stage: 'compile', what: variant.title(), done: 0, total: 0 });
  await compileAddon(folder, signal);
}

/**
 * The wheels of a variant on this machine, for another one: downloaded, or where they are.
 * @returns their paths here, by their names
 * @throws UserError `runtime.*`, `disk.*`
 */
export async function fetchWheels(
  variant: Variant,
  options: Omit<InstallOptions, 'verifier'>,
): Promise<ReadonlyMap<string, string>> {
  const { signal, onProgress = () => undefined } = options;
  const settings = settingsOf(await pipSettings(), options);
  const web = await Web.open(settings.certificates);
  try {
    const places = new Map<Wheel, Place>();
    for (const wheel of variant.wheels) places.set(wheel, await findWheel(wheel, settings, web, signal));
    const files = await obtain(variant, places, web, onProgress, signal);
    return new Map([...files].map(([{ file }, from]) => [file, from]));
  } finally {
    await web.close();
  }
}

/** What pip is set up with, and what was asked for besides. */
function settingsOf(
  pip: PipSettings,
  { indexes, wheels = [] }: Pick<InstallOptions, 'indexes' | 'wheels'>,
): PipSettings {
  return { ...pip, indexes: indexes ?? pip.indexes, links: [...wheels, ...pip.links] };
}

const downloaded = ({ file }: Wheel) => path.join(downloads(), file);

/** @throws UserError `disk.full`, before anything is downloaded */
async function requireSpace(variant: Variant, places: ReadonlyMap<Wheel, Place>): Promise<void> {
  await makeFolder(downloads());
  const arrived = (wheel: Wheel) =>
    Promise.all(
      [downloaded(wheel), `${downloaded(wheel)}.part`].map((file) =>
        stat(file).then(
          (found) => found.size,
          () => 0,
        ),
      ),
    );
  let missing = 0;
  for (const [wheel, place] of places)
    if ('url' in place) missing += Math.max(0, wheel.size - Math.max(...(await arrived(wheel))));
  const disk = async (folder: string) => {
    const { bavail, bsize } = await statfs(folder);
    return { folder, free: bavail * bsize, device: (await stat(folder)).dev };
  };
  const [cache, target] = [await disk(downloads()), await disk(runtimesFolder())];
  const needs =
    cache.device === target.device
      ? [{ ...target, bytes: missing + variant.unpacked }]
      : [
          { ...cache, bytes: missing },
          { ...target, bytes: variant.unpacked },
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

/** The wheels on this machine: downloaded, or where they are; each is checked. */
async function obtain(
  variant: Variant,
  places: ReadonlyMap<Wheel, Place>,
  web: Web,
  onProgress: NonNullable<InstallOptions['onProgress']>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<Wheel, string>> {
  const total = downloadSize(variant);
  const files = new Map<Wheel, string>();
  let before = 0;
  for (const [wheel, place] of places) {
    const show = (done: number) => {
      onProgress({ stage: 'download', what: wheel.file, done: before + done, total });
    };
    show(0);
    const file = 'file' in place ? place.file : downloaded(wheel);
    if ('file' in place || existsSync(file)) await checkFile(file, wheel, wheel.file);
    else await web.download(place.url, file, wheel, { onProgress: show, ...(signal && { signal }) });
    files.set(wheel, file);
    before += wheel.size;
    show(0);
  }
  return files;
}

/** Every file below a folder with its size, by its path with slashes. */
async function sizesBelow(folder: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    sizes[path.relative(folder, file).split(path.sep).join('/')] = (await stat(file)).size;
  }
  return sizes;
}

/** Puts a folder into the place of another; the old one is gone only when the new one is there. */
async function replace(folder: string, by: string): Promise<void> {
  const old = `${by}-old`;
  try {
    if (existsSync(folder)) await rename(folder, old);
    try {
      await rename(by, folder);
    } catch (error) {
      if (existsSync(old)) await rename(old, folder);
      throw error;
    }
  } catch (error) {
    throw explainDiskError(error, folder);
  }
  await rm(old, { recursive: true, force: true });
}

/**
 * Verifies a runtime that is installed: that its files are complete, and that it computes as the CPU does.
 * @returns whether it computed on a GPU
 * @throws UserError `runtime.not-installed`, `runtime.damaged`, `runtime.wrong`
 */
export async function verifyRuntime(name: Installable, verifier: string, signal?: AbortSignal): Promise<boolean> {
  const installed = runtimeIn(runtimeFolder(name));
  if (!installed) throw notInstalled(name);
  for (const [file, size] of Object.entries(installed.files)) {
    const found = await stat(path.join(installed.folder, file)).then(
      (one) => one.size,
      () => undefined,
    );
    if (found !== size)
      throw new UserError(
        'runtime.damaged',
        l10n.t`${file} of the runtime ${name} ${found === undefined ? l10n.t('is missing') : l10n.t('has the wrong size')}.`,
        l10n.t`Install it again with: ${installCommand(name)}`,
      );
  }
  return verify(verifier, name, installed.folder, signal);
}

/** Deletes a runtime, and what is left of attempts to install it. @throws UserError `runtime.not-installed`, `disk.*` */
export async function removeRuntime(name: Installable): Promise<InstalledRuntime> {
  const installed = runtimeIn(runtimeFolder(name));
  if (!installed) throw notInstalled(name);
  await remove(installed.folder);
  await removeStaging(name);
  return installed;
}

/** Deletes what an attempt has left whose process was killed. */
async function removeStaging(name: Installable): Promise<void> {
  const names = await readdir(runtimesFolder());
  for (const left of names.filter((one) => one.startsWith(`${STAGING}${name}-`)))
    await remove(path.join(runtimesFolder(), left));
}

const notInstalled = (name: Installable) =>
  new UserError(
    'runtime.not-installed',
    l10n.t`The runtime ${name} is not installed.`,
    l10n.t`Install it with: ${installCommand(name)}`,
  );
