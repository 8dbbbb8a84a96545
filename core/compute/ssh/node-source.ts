import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { cacheFolder } from '../../user-folders';
import type { Platform } from './bundle';

/** Where a Node comes from for a remote that has none. */
export interface NodeSource {
  /** A compressed Node for a kind of machine, and a name of this version of it. @throws UserError `target.no-node` */
  find(platform: Platform): Promise<{ readonly name: string; readonly file: string }>;
}

/** The Node that executes this, which runs on machines of the same kind. VS Code's own is no program of its own. */
export const ownNode: NodeSource = {
  async find({ os, arch }) {
    if (os !== process.platform || arch !== process.arch || process.versions.electron !== undefined)
      throw new UserError(
        'target.no-node',
        l10n.t`The remote has no Node.js, and this machine has none for ${os} on ${arch} to send.`,
        l10n.t('Install Node.js 20.19 or newer there, or set "node" of the remote to one that is there.'),
      );
    const name = `node-${process.versions.node}-${os}-${arch}`;
    const file = path.join(cacheFolder(), `${name}.gz`);
    if (!existsSync(file)) {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      const partial = `${file}.${createHash('sha256').update(String(process.pid)).digest('hex').slice(0, 8)}`;
      await pipeline(createReadStream(process.execPath), createGzip({ level: 6 }), createWriteStream(partial));
      await rename(partial, file);
    }
    return { name, file };
  },
};
