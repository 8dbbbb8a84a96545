import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { makeFolder } from '../../files';
import { NpmRegistry, unpackArchive, type NpmPackage } from '../../runtimes/npm-registry';
import { cacheFolder } from '../../user-folders';
import { locked } from '../../workers/file-lock';
import type { Platform } from './platform';

/** How far a download has come, bytes. */
export type OnFetched = (what: string, done: number, total: number) => void;

/** Folders of native code for a platform: where they are below `node_modules`, and the package that has them. */
export interface NativeFolder {
  /** Path below `node_modules`. */
  readonly folder: string;
  readonly name: string;
}

export const nativeFolders = ({ os, arch }: Platform): NativeFolder[] => [
  { folder: `onnxruntime-node/bin/napi-v6/${os}/${arch}`, name: 'onnxruntime-node' },
  ...[`@img/sharp-${os}-${arch}`, `@img/sharp-libvips-${os}-${arch}`].map((name) => ({ folder: name, name })),
];

/** Versions and hashes of the lock file that this Winnow was built with. */
const locks = JSON.parse(process.env.WINNOW_NATIVE_PACKAGES ?? '{}') as Record<string, Omit<NpmPackage, 'name'>>;

/** Where fetched packages are, unpacked, until the cache is emptied. */
const packagesFolder = () => path.join(cacheFolder(), 'packages');

/**
 * Native code for a machine of another kind than this one, from the user's npm registry. It is fetched once, and kept in the cache of this user.
 * @returns its folder on this machine
 * @throws UserError `target.platform` if there is none for that platform, or it cannot be fetched; `disk.*`
 */
export async function fetchNative(
  { folder, name }: NativeFolder,
  platform: Platform,
  onFetched?: OnFetched,
): Promise<string> {
  const kind = `${platform.os}-${platform.arch}`;
  const lock = locks[name];
  if (!lock) throw unsupported(name, kind);
  const below = path.posix.relative(name, folder);
  const fetched = await fetchPackage(
    { name, ...lock },
    { kind, wanted: (file) => below === '' || file.startsWith(`${below}/`), onFetched },
  ).catch((error: unknown) => {
    throw error instanceof UserError && error.code.startsWith('runtime.')
      ? new UserError('target.platform', l10n.t`Winnow needs ${name} for ${kind}. ${error.message}`, error.hint, {
          cause: error,
        })
      : error;
  });
  const found = path.join(fetched, ...below.split('/'));
  if (existsSync(found)) return found;
  throw unsupported(name, kind);
}

const unsupported = (name: string, kind: string) =>
  new UserError(
    'target.platform',
    l10n.t`There is no ${name} for ${kind}.`,
    l10n.t('Use a machine with Linux on x64 or arm64.'),
  );

/**
 * A package of the user's npm registry, or some of its files, unpacked in the cache of this user.
 * @param kind the name of this choice of its files
 * @returns its folder
 * @throws UserError `runtime.not-found`, `runtime.download`, `runtime.hash`, `disk.*`
 */
export async function fetchPackage(
  one: NpmPackage,
  { kind, wanted, onFetched }: { kind: string; wanted: (file: string) => boolean; onFetched?: OnFetched | undefined },
): Promise<string> {
  const flat = `${one.name.replace('/', '+')}-${one.version}`;
  const into = path.join(packagesFolder(), `${flat}-${kind}`);
  if (existsSync(into)) return into;
  await makeFolder(packagesFolder());
  // Several windows and commands may connect at the same time.
  return locked(path.join(packagesFolder(), `.${flat}.lock`), async () => {
    if (existsSync(into)) return into;
    const archive = path.join(packagesFolder(), `${flat}.tgz`);
    const registry = await NpmRegistry.open();
    const partial = await mkdtemp(`${into}.partial-`);
    try {
      await registry.download(one, archive, {
        onProgress: (done, total) => onFetched?.(l10n.t`Downloading ${one.name} ${one.version}`, done, total),
      });
      await unpackArchive(archive, partial, wanted);
      await rename(partial, into);
    } finally {
      await registry.close();
      for (const left of [partial, archive]) await rm(left, { recursive: true, force: true });
    }
    return into;
  });
}
