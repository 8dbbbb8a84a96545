import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { extract, type ReadEntry } from 'tar';
import * as z from 'zod';
import { UserError } from '../errors';
import { explainDiskError } from '../files';
import { withoutSecrets } from './addresses';
import { npmSettings, type NpmSettings } from './npm-settings';
import { reasonOf, Web } from './web';

/** A package of an npm registry, down to the byte. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-<base64>` of its archive. */
  readonly integrity: string;
}

/** The name of a package's archive, as `npm pack` writes it. */
export const archiveName = ({ name, version }: NpmPackage): string =>
  `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`;

/** Where the versions of a package are: its short description, or the long one of registries that have no other. */
const ACCEPT = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8';
const description = z.object({
  versions: z.record(z.string(), z.object({ dist: z.object({ tarball: z.string() }) })),
});

/** Mirrors often pass on the addresses of the registry that they mirror; npm asks the mirror all the same. */
const MIRRORED = 'registry.npmjs.org';

/** The user's npm registry, without npm: with its settings, logins, proxies and certificates. */
export class NpmRegistry {
  private constructor(
    readonly settings: NpmSettings,
    readonly web: Web,
  ) {}

  /** @throws UserError `runtime.certificates`, `runtime.proxy` */
  static async open(): Promise<NpmRegistry> {
    const settings = await npmSettings();
    return new NpmRegistry(settings, await Web.open(settings.web));
  }

  /**
   * Downloads a package's archive, from where an earlier attempt has stopped, and checks it.
   * @param into is written as a whole, or not at all
   * @throws UserError `runtime.not-found`, `runtime.download`, `runtime.hash`, `disk.*`
   */
  async download(
    one: NpmPackage,
    into: string,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
  ): Promise<void> {
    const url = await this.#archiveOf(one, signal);
    await this.web.download(
      url,
      into,
      { integrity: one.integrity },
      { ...(signal && { signal }), ...(onProgress && { onProgress }), headers: this.#login(url) },
    );
  }

  async #archiveOf({ name, version }: NpmPackage, signal?: AbortSignal): Promise<string> {
    const registry = this.settings.registryOf(name);
    const url = `${registry}${name.replace('/', '%2f')}`;
    const hint = l10n.t(
      'Winnow asks the registry of your npm (npm config get registry). Check the network, or set a registry that has the package.',
    );
    const where = withoutSecrets(registry);
    const found = await this.web.page({ url }, ACCEPT, signal, this.#login(url)).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw new UserError(
        'runtime.download',
        l10n.t`The npm registry ${where} cannot be asked for ${name}: ${reasonOf(error)}`,
        hint,
        { cause: error },
      );
    });
    const archive = found && archiveIn(found.text, version);
    if (archive === undefined)
      throw new UserError('runtime.not-found', l10n.t`${name} ${version} is not in the npm registry ${where}.`, hint);
    const place = new URL(archive, url);
    if (place.host === MIRRORED) {
      const { protocol, host, pathname } = new URL(registry);
      if (host !== MIRRORED) return `${protocol}//${host}${pathname.replace(/\/$/, '')}${place.pathname}`;
    }
    return place.href;
  }

  #login(url: string): Record<string, string> {
    const authorization = this.settings.authorizationFor(url);
    return authorization === undefined ? {} : { authorization };
  }

  close(): Promise<void> {
    return this.web.close();
  }
}

function archiveIn(text: string, version: string): string | undefined {
  try {
    return description.parse(JSON.parse(text)).versions[version]?.dist.tarball;
  } catch {
    return undefined;
  }
}

/**
 * Unpacks a package's archive. Only files and folders are taken, never links.
 * @param wanted which of its files, by their paths in the package with slashes; default: all
 */
export async function unpackArchive(
  archive: string,
  folder: string,
  wanted: (file: string) => boolean = () => true,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await extract({
      file: archive,
      cwd: folder,
      strip: 1,
      strict: true,
      filter: (file, entry) => {
        signal?.throwIfAborted();
        const { type } = entry as ReadEntry;
        return (
          (type === 'File' || type === 'OldFile' || type === 'Directory') && wanted(file.split('/').slice(1).join('/'))
        );
      },
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw explainDiskError(error, path.resolve(folder));
  }
}
