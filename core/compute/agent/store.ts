import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  chmod,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { explainDiskError } from '../../disk-errors';
import { systemCode, UserError } from '../../errors';
import type { StoreCalls, TreeFile } from './calls';

const SHA256 = /^[0-9a-f]{64}$/;
const NAME = /^[a-z0-9][a-z0-9-]*$/;
/** A file beside the contents, which says when somebody last began to send. */
export const ASKED = '.asked';
/** While something is sent, that is said again after so long, milliseconds. */
const SAID = 600e3;

/**
 * Files of known content in a folder, so that nothing is sent twice: `blobs/<SHA-256>`, and trees of them under
 * `<kind>/<name>/`. A content arrives in pieces, and the next connection continues where the last one broke off. Needs neither
 * locks nor links, which some network file systems do not have: what is complete is renamed into place, and two that send the
 * same at once only do the work twice.
 */
export class Store implements StoreCalls {
  #said = 0;

  constructor(readonly folder: string) {}

  async findTree({ kind, name }: { kind: string; name: string }): Promise<string | null> {
    const tree = this.#tree(kind, name);
    // What was used lately is not cleaned up.
    const now = new Date();
    await utimes(tree, now, now).catch(() => undefined);
    return (await exists(tree)) ? tree : null;
  }

  async missing({ blobs }: Parameters<StoreCalls['missing']>[0]): Promise<{ sha256: string; have: number }[]> {
    const found: { sha256: string; have: number }[] = [];
    await this.#asked();
    for (const { sha256, size } of blobs) {
      if ((await sizeOf(this.#blob(sha256))) === size) continue;
      const have = (await sizeOf(this.#partial(sha256))) ?? 0;
      // More than there should be: it was damaged, or another connection has sent the same.
      found.push({ sha256, have: have < size ? have : 0 });
    }
    return found;
  }

  async append(
    { sha256, offset, last, zipped }: Parameters<StoreCalls['append']>[0],
    body: Uint8Array = new Uint8Array(),
  ): Promise<null> {
    const partial = this.#partial(sha256);
    try {
      if (Date.now() - this.#said > SAID) await this.#asked();
      const handle = await open(partial, offset === 0 ? 'w' : 'r+');
      try {
        const bytes = zipped ? gunzipSync(body) : body;
        await handle.truncate(offset);
        await handle.write(bytes, 0, bytes.length, offset);
        if (last) await handle.sync();
      } finally {
        await handle.close();
      }
      if (!last) return null;
      const hash = createHash('sha256');
      await pipeline(createReadStream(partial), hash);
      if (hash.digest('hex') === sha256) {
        await chmod(partial, 0o400);
        await rename(partial, this.#blob(sha256));
        return null;
      }
      await rm(partial, { force: true });
    } catch (error) {
      throw explainDiskError(error, partial);
    }
    throw new UserError(
      'store.damaged',
      l10n.t('A file did not arrive as it was sent.'),
      l10n.t('Try again; if it happens again, check the disk of the remote.'),
    );
  }

  async makeTree({ kind, name, files, own }: Parameters<StoreCalls['makeTree']>[0]): Promise<string> {
    const tree = this.#tree(kind, name);
    if (await exists(tree)) return tree;
    try {
      await mkdir(path.dirname(tree), { recursive: true });
      const partial = await mkdtemp(path.join(path.dirname(tree), '.partial-'));
      try {
        for (const file of files) await this.#place(file, partial, own);
        await rename(partial, tree);
      } catch (error) {
        await rm(partial, { recursive: true, force: true });
        // Another connection was faster.
        if (!(await exists(tree))) throw error;
      }
    } catch (error) {
      throw explainDiskError(error, tree);
    }
    return tree;
  }

  /** Deletes a tree with its contents, of which no other tree needs any. */
  async forget({ kind, name, blobs }: Parameters<StoreCalls['forget']>[0]): Promise<null> {
    await rm(this.#tree(kind, name), { recursive: true, force: true });
    for (const sha256 of blobs) await rm(this.#blob(sha256), { force: true });
    return null;
  }

  async #place(file: TreeFile, tree: string, own: boolean): Promise<void> {
    const target = path.join(tree, ...file.path.split('/'));
    if (!target.startsWith(tree + path.sep)) throw new RangeError(`${file.path} leads out of the tree`);
    await mkdir(path.dirname(target), { recursive: true });
    const blob = this.#blob(file.sha256);
    // A file with two names has one content and one mode, so only what nobody changes is linked. AFS and some other file systems
    // refuse hard links.
    if (own || file.executable) await copyFile(blob, target);
    else await link(blob, target).catch(() => copyFile(blob, target));
    if (own || file.executable) await chmod(target, file.executable ? 0o700 : 0o600);
  }

  /** From now on, contents that no tree has are about to become one. */
  async #asked(): Promise<void> {
    this.#said = Date.now();
    try {
      await mkdir(path.join(this.folder, 'blobs'), { recursive: true });
      await writeFile(path.join(this.folder, 'blobs', ASKED), '');
    } catch (error) {
      throw explainDiskError(error, path.join(this.folder, 'blobs'));
    }
  }

  #blob(sha256: string): string {
    if (!SHA256.test(sha256)) throw new RangeError(`${sha256} is no SHA-256`);
    return path.join(this.folder, 'blobs', sha256);
  }

  #partial(sha256: string): string {
    return `${this.#blob(sha256)}.partial`;
  }

  #tree(kind: string, name: string): string {
    if (!NAME.test(kind) || !NAME.test(name)) throw new RangeError(`${kind}/${name} is no tree`);
    return path.join(this.folder, kind, name);
  }
}

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

const sizeOf = (file: string) =>
  stat(file).then(
    ({ size }) => size,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    },
  );
