import { cpSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { makeFolder } from '../files';
import type { Lock, Variant } from './catalog';
import { execute, requireProgram } from './execute';

/** @throws UserError `runtime.no-npm`, before anything is downloaded */
export const requireNpm = (signal?: AbortSignal): Promise<void> =>
  requireProgram(
    'npm',
    () =>
      new UserError(
        'runtime.no-npm',
        l10n.t('npm was not found. It is needed to install the packages of this runtime.'),
        l10n.t('Install Node.js with npm, and make sure that npm is on the PATH.'),
      ),
    signal,
  );

/** Puts the npm packages of a variant into a folder, under node_modules. */
export async function installPackages({ packages }: Variant, folder: string, signal?: AbortSignal): Promise<void> {
  await makeFolder(folder);
  if ('own' in packages) copyOwn(packages.own, folder);
  else await installLocked(packages.lock, folder, signal);
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

/** Installs exactly what a lock file says, from the user's registry; npm checks every package by its hash. */
async function installLocked(lock: Lock, folder: string, signal?: AbortSignal): Promise<void> {
  const { dependencies } = lock.packages[''];
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await writeFile(path.join(folder, 'package-lock.json'), JSON.stringify(lock));
  // Their own scripts would download libraries from elsewhere.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await execute('npm', args, { cwd: folder, signal });
  if (code !== 0)
    throw new UserError(
      'runtime.npm',
      l10n.t`npm could not install the packages: ${output.trim().split('\n').slice(-6).join('\n')}`,
      l10n.t('Check the registry that npm uses: npm config get registry'),
    );
}
