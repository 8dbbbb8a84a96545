import { cpSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { makeFolder } from '../files';
import type { LockedPackage, Variant } from './catalog';
import { unpackArchive } from './npm-registry';

/**
 * Puts the npm packages of a variant into a folder, under node_modules.
 * @param archives those that a lock file names
 */
export async function installPackages(
  { packages }: Variant,
  archives: ReadonlyMap<LockedPackage, string>,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  await makeFolder(folder);
  if ('own' in packages) copyOwn(packages.own, folder);
  // Outer packages first: those in them are in folders of theirs. No script of a package is run: it would download libraries from elsewhere.
  else
    for (const [one, archive] of archives)
      await unpackArchive(archive, path.join(folder, ...one.place.split('/')), undefined, signal);
}

/** Copies the ONNX Runtime that Winnow itself uses. @throws UserError `runtime.version` if it is another version */
function copyOwn(wanted: string, folder: string): void {
  const require = createRequire(import.meta.url);
  const names = ['onnxruntime-node', 'onnxruntime-common'] as const;
  // The second is found from the first: it may be nested in it.
  const own = packageOf(require.resolve(names[0]), names[0]);
  const common = packageOf(createRequire(path.join(own.folder, 'package.json')).resolve(names[1]), names[1]);
  for (const { name, version } of [own, common])
    if (version !== wanted)
      throw new UserError(
        'runtime.version',
        l10n.t`This installation has ${name} ${version}, but the runtime is made for ${wanted}.`,
        l10n.t('Update Winnow, or reinstall its packages with: npm ci'),
      );
  for (const { name, folder: from } of [own, common])
    cpSync(from, path.join(folder, 'node_modules', name), {
      recursive: true,
      dereference: true,
      // Libraries of other platforms.
      filter: (file) => !/[\\/]bin[\\/]napi-v\d+[\\/](?!linux([\\/]x64([\\/]|$)|$))/.test(file),
    });
}

/** The folder and version of the package that a file is in. */
function packageOf(file: string, name: string): { name: string; folder: string; version: string } {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (found.name === name && found.version !== undefined) return { name, folder, version: found.version };
    } catch {
      // Not the package's own folder.
    }
    if (folder === path.dirname(folder)) throw new Error(`${name} has no package.json above ${file}`);
  }
}
