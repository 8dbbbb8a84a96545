import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { shipped } from '../../shipped';
import type { LocalFile } from '../agent/manifest';
import { fetchNative, nativeFolders, type OnFetched } from './native';
import type { Platform } from './platform';

/** What is sent to a remote. */
export interface Bundle {
  /** The program that receives the rest, as text. */
  receiver(): Promise<string>;
  /** The files, for a kind of machine; what this machine does not have is fetched. @throws UserError `target.platform`, `disk.*` */
  files(platform: Platform, onFetched?: OnFetched): Promise<readonly LocalFile[]>;
  /** Path of the agent's program among the files. */
  readonly agent: string;
}

/** The programs that run on a remote, and what they load. */
const PROGRAMS = ['agent.js', 'worker.js', 'dispatcher.js', 'stopwatch.js', 'verifier.js'];
/** Files that the programs look for: the embedded models. */
const DATA = [['core', 'models', 'embedded']];
const SKIPPED = /\.(map|d\.[cm]?ts|h|md)$|[\\/]include$/;

/** What this installation of Winnow sends. */
export class ShippedBundle implements Bundle {
  readonly agent = 'dist/agent.js';

  /**
   * @param programs a folder with other programs of these names
   * @param installed whether the native code of this installation is used; otherwise, all of it is fetched
   */
  constructor(
    readonly programs?: string,
    readonly installed = true,
  ) {}

  async receiver(): Promise<string> {
    return readFile(path.join(this.#dist(), 'receiver.cjs'), 'utf8');
  }

  async files(platform: Platform, onFetched?: OnFetched): Promise<readonly LocalFile[]> {
    const dist = this.programs ?? this.#dist();
    const root = path.dirname(this.#dist());
    const files: LocalFile[] = [{ path: 'package.json', from: Buffer.from('{"type":"module"}\n') }];
    for (const program of await reachable(dist, PROGRAMS))
      files.push({ path: `dist/${program}`, from: path.join(dist, program) });
    for (const data of DATA) await add(path.join(root, ...data), data.join('/'), files);
    const native = await Promise.all(
      nativeFolders(platform).map(async (one) => ({
        name: one.folder,
        from:
          (this.installed ? installedFolder(root, one.folder) : undefined) ??
          (await fetchNative(one, platform, onFetched)),
      })),
    );
    for (const { name, from } of [...(await modules(root)), ...native])
      await add(from, `dist/node_modules/${name}`, files);
    return files;
  }

  #dist(): string {
    const agent = shipped('dist', 'agent.js');
    if (agent !== undefined) return path.dirname(agent);
    throw new UserError(
      'target.incomplete',
      l10n.t('This installation of Winnow has no programs for remotes.'),
      l10n.t('Install it again.'),
    );
  }
}

/** Programs and the files that they import, as paths below a folder. */
async function reachable(dist: string, programs: readonly string[]): Promise<string[]> {
  const found = new Set(programs);
  // The set grows during the loop.
  for (const program of found) {
    const text = await readFile(path.join(dist, program), 'utf8');
    for (const [, quoted] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+\.js)"/g)) {
      const file = path.posix.join(path.posix.dirname(program), quoted!);
      if (existsSync(path.join(dist, file))) found.add(file);
    }
  }
  return [...found];
}

/** The packages that the programs load, without native code: in an installed extension next to them, in a clone where the build has put them. */
async function modules(root: string): Promise<{ name: string; from: string }[]> {
  const packed = path.join(root, 'dist', 'node_modules');
  const pure = existsSync(packed) ? packed : path.join(root, 'dist-modules');
  const found: { name: string; from: string }[] = [];
  for (const name of await packagesIn(pure)) {
    if (name.startsWith('@img/sharp-')) continue;
    if (name !== 'onnxruntime-node') {
      found.push({ name, from: path.join(pure, name) });
      continue;
    }
    // Without the libraries of other platforms.
    for (const entry of await readdir(path.join(pure, name)))
      if (entry !== 'bin') found.push({ name: `${name}/${entry}`, from: path.join(pure, name, entry) });
  }
  return found;
}

async function packagesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const inner = await Promise.all(
    names.map(async (name) =>
      name.startsWith('@') ? (await readdir(path.join(folder, name))).map((one) => `${name}/${one}`) : [name],
    ),
  );
  return inner.flat();
}

/** A folder of native code in this installation. */
const installedFolder = (root: string, name: string): string | undefined =>
  [path.join(root, 'dist', 'node_modules'), path.join(root, 'node_modules')]
    .map((folder) => path.join(folder, name))
    .find((folder) => existsSync(folder));

/** A file, or all files below a folder. */
async function add(from: string, to: string, files: LocalFile[]): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => undefined);
  if (!entries) {
    files.push({ path: to, from });
    return;
  }
  for (const entry of entries) {
    const [inner, place] = [path.join(from, entry.name), `${to}/${entry.name}`];
    if (SKIPPED.test(inner)) continue;
    if (entry.isDirectory()) await add(inner, place, files);
    else files.push({ path: place, from: inner });
  }
}
