import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as l10n from '@vscode/l10n';
import { systemCode, UserError } from '../errors';
import { CARRIED, carriedPath, sourceIn } from '../experiments/run/carried-files';
import type { Origin, OriginFile } from './origin';

/** The folders of a run directory whose contents a mirror shows. */
const DEEP = ['checkpoints', 'artifacts'];

const META = /^checkpoints\/([^/]+)\/meta\.json$/;
const INNER = /^(checkpoints\/[^/]+)\/([^/]+)(\/.*)?$/;

/**
 * A run directory that this machine can read. What is being replaced is not there for a moment, which is not an error. The files of
 * a checkpoint that a program keeps elsewhere are listed and read as if they were in its folder, below `files/`.
 */
export class FolderOrigin implements Origin {
  /** Where the files of checkpoints are, by path and stamp of their `meta.json`. */
  readonly #sources = new Map<string, string | undefined>();

  constructor(readonly dir: string) {}

  async list(): Promise<OriginFile[]> {
    const found: OriginFile[] = [];
    await this.#add('', found);
    for (const meta of found.filter((file) => META.test(file.path))) {
      const source = await this.#sourceOf(meta);
      const folder = path.posix.dirname(meta.path);
      if (source !== undefined)
        await this.#carry(path.resolve(this.dir, folder, source), `${folder}/${carriedPath(source)}`, found);
    }
    return found;
  }

  async #sourceOf({ path: file, stamp }: OriginFile): Promise<string | undefined> {
    const key = `${file} ${stamp}`;
    if (!this.#sources.has(key)) {
      const text = await readFile(path.join(this.dir, file), 'utf8').catch(() => '');
      this.#sources.set(key, sourceIn(text));
    }
    return this.#sources.get(key);
  }

  /** Lists a file, or what is in a folder, under another name. */
  async #carry(from: string, as: string, found: OriginFile[]): Promise<void> {
    const here = await stat(from).catch(() => undefined);
    if (here?.isFile()) found.push({ path: as, size: here.size, stamp: `${here.mtimeMs} ${here.ino}` });
    if (!here?.isDirectory()) return;
    for (const name of await readdir(from).catch(() => []))
      await this.#carry(path.join(from, name), `${as}/${name}`, found);
  }

  /** Where a listed file is. */
  async #placeOf(file: string): Promise<string> {
    // Asked for by another machine, or by a program with the name of a file that came from there.
    if (file.split('/').some((part) => part === '..' || part === '') || file.includes('\0'))
      throw new UserError('target.outside', l10n.t`${JSON.stringify(file)} is not a file of a run.`);
    const [, folder = '', first, rest = ''] = INNER.exec(file) ?? [];
    if (first !== CARRIED) return path.join(this.dir, file);
    const source = sourceIn(await readFile(path.join(this.dir, folder, 'meta.json'), 'utf8').catch(() => ''));
    if (source === undefined) return path.join(this.dir, file);
    // `rest` begins with the name of the file or folder itself.
    const inner = rest.slice(1).split('/').slice(1);
    return path.join(path.resolve(this.dir, folder, source), ...inner);
  }

  async #add(folder: string, found: OriginFile[]): Promise<void> {
    const entries = await readdir(path.join(this.dir, folder), { withFileTypes: true }).catch(ifGone([]));
    for (const entry of entries) {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory() && (folder !== '' || DEEP.includes(file))) await this.#add(file, found);
      if (!entry.isFile()) continue;
      const here = await stat(path.join(this.dir, file)).catch(ifGone(undefined));
      if (here) found.push({ path: file, size: here.size, stamp: `${here.mtimeMs} ${here.ino}` });
    }
  }

  async read(file: string, offset: number, limit: number): Promise<Uint8Array | undefined> {
    const handle = await open(await this.#placeOf(file)).catch(ifGone(undefined));
    if (!handle) return undefined;
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(limit), 0, limit, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  async sha256(file: string): Promise<string | undefined> {
    const handle = await open(await this.#placeOf(file)).catch(ifGone(undefined));
    if (!handle) return undefined;
    const hash = createHash('sha256');
    await pipeline(handle.createReadStream(), hash);
    return hash.digest('hex');
  }
}

/** ESTALE: a network file system says so of a file that was replaced on another host. */
const ifGone =
  <T>(value: T) =>
  (error: unknown): T => {
    if (['ENOENT', 'ESTALE', 'ENOTDIR'].includes(systemCode(error) ?? '')) return value;
    throw error;
  };
