import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
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
import { runtimesFolder } from '../user-folders';
import { locked } from '../workers/file-lock';
import { compileAddon, requireCompiler } from './addon';
import { downloadSize, type Variant } from './catalog';
import { chooseVariant } from './choose';
import type { HostOptions, RemovedRuntime } from './host';
import { requireUnused } from './in-use';
import { installPackages } from './packages';
import type { OnProgress } from './progress';
import { verify } from './verify';
import { unpack } from './wheel';
import { withWheels, type Files } from './wheels';

export interface InstallOptions extends HostOptions {
  /** The program `verifier.js`. */
  readonly verifier: string;
}

/** Files that are being installed, or deleted, have this beginning. */
const STAGING = '.staging-';

/** Where a runtime is, or would be. */
export const runtimeFolder = (name: Installable): string => path.join(runtimesFolder(), name);

const stagingFolder = (name: Installable) =>
  path.join(runtimesFolder(), `${STAGING}${name}-${randomBytes(4).toString('hex')}`);

/**
 * Installs a runtime into the user's folder. What an earlier one had there is replaced only when the new one is complete and
 * computes as the CPU does. A download that was interrupted goes on where it stopped.
 * @throws UserError `runtime.*`, `disk.*`; then everything is as it was, except for finished downloads
 */
export async function installRuntime(name: Installable, options: InstallOptions): Promise<InstalledRuntime> {
  const variant = chooseVariant(name, await nvidiaGpus(), options);
  await requirePrograms(variant, options.signal);
  return installVariant(variant, options);
}

/** @throws UserError `runtime.no-compiler`, before anything is downloaded */
export async function requirePrograms(variant: Variant, signal?: AbortSignal): Promise<void> {
  if (variant.compiled) await requireCompiler(signal);
}

/** Installs one variant, whether it fits this machine or not. @throws as `installRuntime` */
export const installVariant = (variant: Variant, options: InstallOptions): Promise<InstalledRuntime> =>
  alone(variant.name, async () => {
    await requireUnused(variant.name, runtimeFolder(variant.name));
    return withWheels(variant, variant.unpacked, options, (files) => install(variant, files, options));
  });

/** Only one process changes a runtime. @throws UserError `runtime.busy` */
async function alone<T>(name: Installable, work: () => Promise<T>): Promise<T> {
  await makeFolder(runtimesFolder());
  const busy = () => {
    throw new UserError(
      'runtime.busy',
      l10n.t`Another process is installing or deleting the runtime ${name}.`,
      l10n.t('Wait until it is done.'),
    );
  };
  return locked(path.join(runtimesFolder(), `.${name}.lock`), work, busy);
}

async function install(
  variant: Variant,
  files: Files,
  { verifier, verify: wanted = true, signal, onProgress = () => undefined }: InstallOptions,
): Promise<InstalledRuntime> {
  const { name } = variant;
  await removeStaging(name);
  const staging = stagingFolder(name);
  try {
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
    await writeRecord(staging, record);
    if (wanted) {
      onProgress({ stage: 'verify', what: record.title, done: 0, total: 0 });
      const gpu = await verify(verifier, name, staging, signal);
      await writeRecord(staging, { ...record, verified: gpu ? 'gpu' : 'cpu' });
    }
    signal?.throwIfAborted();
    await replace(runtimeFolder(name), staging);
    return runtimeIn(runtimeFolder(name))!;
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

const writeRecord = (folder: string, record: RuntimeRecord) =>
  writeFileAtomic(path.join(folder, RUNTIME_FILE), JSON.stringify(record));

/** Puts everything into a folder: libraries, packages, and the add-on, if there is one to compile. */
async function assemble(
  variant: Variant,
  files: Files,
  folder: string,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<void> {
  // First, because some of the libraries go into packages.
  onProgress({ stage: 'packages', what: variant.title(), done: 0, total: 0 });
  await installPackages(variant, files.archives, folder, signal);
  let done = 0;
  for (const [wheel, file] of files.wheels) {
    onProgress({ stage: 'unpack', what: wheel.file, done, total: downloadSize(variant) });
    await unpack(file, wheel, folder, signal);
    done += wheel.size;
  }
  if (!variant.compiled) return;
  onProgress({ stage: 'compile', what: variant.title(), done: 0, total: 0 });
  await compileAddon(folder, signal);
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
 * Verifies a runtime that is installed: that its files are complete, and that it computes as the CPU does. It remembers the result.
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
  const gpu = await verify(verifier, name, installed.folder, signal);
  const { folder, ...record } = installed;
  await writeRecord(folder, { ...record, verified: gpu ? 'gpu' : 'cpu' });
  return gpu;
}

/**
 * Deletes a runtime, whatever is left of it, and of attempts to install it.
 * @throws UserError `runtime.not-installed`, `runtime.busy`, `runtime.in-use`, `disk.*`
 */
export const removeRuntime = (name: Installable): Promise<RemovedRuntime> =>
  alone(name, async () => {
    const folder = runtimeFolder(name);
    const title = runtimeIn(folder)?.title ?? name;
    const there = existsSync(folder);
    await requireUnused(name, folder);
    const bytes = there ? Object.values(await sizesBelow(folder)).reduce((sum, size) => sum + size, 0) : 0;
    // At once, so that nothing finds half of it.
    if (there)
      await rename(folder, stagingFolder(name)).catch((error: unknown) => {
        throw explainDiskError(error, folder);
      });
    if (!(await removeStaging(name))) throw notInstalled(name);
    return { name, title, bytes };
  });

/** Deletes what was being installed or deleted when its process was killed. @returns whether there was anything */
async function removeStaging(name: Installable): Promise<boolean> {
  const names = (await readdir(runtimesFolder())).filter((one) => one.startsWith(`${STAGING}${name}-`));
  for (const left of names) await remove(path.join(runtimesFolder(), left));
  return names.length > 0;
}

/** @throws UserError `runtime.not-installed`; another message for one that this version of Winnow cannot use */
function notInstalled(name: Installable): UserError {
  const folder = runtimeFolder(name);
  return new UserError(
    'runtime.not-installed',
    existsSync(folder)
      ? l10n.t`What is in ${folder} is damaged, or made by another version of Winnow.`
      : l10n.t`The runtime ${name} is not installed.`,
    l10n.t`Install it with: ${installCommand(name)}`,
  );
}
