import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { pathToFileURL } from 'node:url';
import * as l10n from '@vscode/l10n';
import { EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici';
import { messageOf, systemCode, UserError } from '../errors';
import { explainDiskError, makeFolder, remove } from '../files';
import { withoutSecrets } from './addresses';

/** What a downloaded file has to be: a file of a Python index, or a package of an npm registry, whose size is not known before. */
export type Expected =
  | {
      readonly sha256: string;
      /** Bytes. */
      readonly size: number;
    }
  | {
      /** `sha512-<base64>`, as in a lock file of npm. */
      readonly integrity: string;
    };

const sizeOf = (expected: Expected): number | undefined => ('size' in expected ? expected.size : undefined);

/** How the user reaches other machines, besides what the environment says. */
export interface WebOptions {
  /** A file with certificates to trust besides the usual ones. */
  readonly certificates?: string;
  /** Certificates to trust besides the usual ones. */
  readonly authorities?: readonly string[];
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
  /** Whether certificates are not checked, as the user has asked for. What is downloaded is checked by its hash. */
  readonly unchecked?: boolean;
}

/** What a request says besides: a login. */
export type Headers = Readonly<Record<string, string>>;

/** Attempts without a single new byte, after which a download is given up. */
const ATTEMPTS = 4;
/** Milliseconds before the second attempt; twice as long before each further one. */
const PAUSE = 500;
/** Milliseconds of silence after which a connection counts as lost. */
const SILENCE = 60_000;

/** HTTP as the user has set it up: proxies of the environment, and certificates of their own. */
export class Web {
  readonly #dispatcher: Dispatcher;

  private constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  /** @throws UserError `runtime.certificates`, `runtime.proxy` */
  static async open(options: WebOptions = {}): Promise<Web> {
    try {
      const { httpProxy, httpsProxy, noProxy } = options;
      const connect = await trusting(options);
      const tls = connect === undefined ? {} : { connect, requestTls: connect };
      const proxies = {
        ...(httpProxy !== undefined && { httpProxy }),
        ...(httpsProxy !== undefined && { httpsProxy }),
        ...(noProxy !== undefined && { noProxy }),
      };
      return new Web(new EnvHttpProxyAgent({ ...proxies, ...tls, headersTimeout: SILENCE, bodyTimeout: SILENCE }));
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(
        'runtime.proxy',
        l10n.t`The proxy of the environment is not an address: ${messageOf(error)}.`,
        l10n.t('Check HTTP_PROXY and HTTPS_PROXY.'),
        { cause: error },
      );
    }
  }

  /** A page with the address that it is really at, after redirects; undefined if there is none. */
  async page(
    place: { readonly file: string } | { readonly url: string },
    accept: string,
    signal?: AbortSignal,
    headers: Headers = {},
  ): Promise<{ readonly text: string; readonly url: string } | undefined> {
    if ('file' in place) {
      const text = await readFile(place.file, 'utf8').catch((error: unknown) => {
        if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
        throw error;
      });
      return text === undefined ? undefined : { text, url: pathToFileURL(place.file).href };
    }
    const response = await this.#fetch(place.url, { ...headers, accept }, signal);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
    return { text: await response.text(), url: response.url };
  }

  /**
   * Downloads a file, from where an earlier attempt has stopped, and checks it.
   * @param into is written as a whole, or not at all
   * @param onProgress is called with the bytes that are there, and of how many
   * @throws UserError `runtime.download` after several attempts, `runtime.hash` for another file, `disk.*`
   */
  async download(
    url: string,
    into: string,
    expected: Expected,
    {
      signal,
      onProgress,
      headers = {},
    }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void; headers?: Headers } = {},
  ): Promise<void> {
    await makeFolder(path.dirname(into));
    const partial = `${into}.part`;
    for (let attempt = 1, before = -1; ; attempt++) {
      try {
        await this.#continue(url, partial, expected, headers, signal, onProgress);
        break;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof UserError || error instanceof Refused) throw wordsOf(error, url, into);
        const { size } = await stat(partial).catch(() => ({ size: 0 }));
        if (size > before) [attempt, before] = [1, size];
        if (attempt >= ATTEMPTS) throw wordsOf(error, url, into);
        await sleep(PAUSE * 2 ** (attempt - 1), undefined, signal && { signal });
      }
    }
    await checkFile(partial, expected, path.basename(into), signal).catch(async (error: unknown) => {
      // What had arrived earlier may have been something else.
      await remove(partial);
      throw error;
    });
    await rename(partial, into);
  }

  async #continue(
    url: string,
    partial: string,
    expected: Expected,
    headers: Headers,
    signal: AbortSignal | undefined,
    onProgress: ((done: number, total: number) => void) | undefined,
  ): Promise<void> {
    const size = sizeOf(expected);
    let done = (await stat(partial).catch(() => ({ size: 0 }))).size;
    if (size !== undefined && done > size) {
      await remove(partial);
      done = 0;
    }
    if (done === size) return;
    const response = await this.#fetch(url, { ...headers, ...(done > 0 && { range: `bytes=${done}-` }) }, signal);
    // There is nothing after what is there already; whether that is the file, its hash tells.
    if (response.status === 416 && size === undefined) return;
    if (!response.ok || !response.body) {
      const message = `HTTP ${response.status} ${response.statusText}`.trim();
      // Asking again does not help against what the server means.
      throw response.status >= 400 && response.status < 500 ? new Refused(message) : new Error(message);
    }
    // A server that does not know ranges begins again.
    if (response.status !== 206) done = 0;
    // A page that asks for a login, say, must not be taken for a beginning of the file.
    const length = response.headers.get('content-length');
    const announced =
      length === null || response.headers.get('content-encoding') !== null ? undefined : done + Number(length);
    const total = size ?? announced;
    if (announced !== undefined && announced !== total) {
      await remove(partial);
      throw differs(path.basename(partial, '.part'), expected);
    }
    const file = await open(partial, done > 0 ? 'r+' : 'w').catch((error: unknown) => {
      throw explainDiskError(error, partial);
    });
    try {
      for await (const chunk of response.body) {
        const bytes = chunk as Uint8Array;
        if (total !== undefined && done + bytes.length > total) {
          await remove(partial);
          throw differs(path.basename(partial, '.part'), expected);
        }
        await file.write(bytes, 0, bytes.length, done).catch((error: unknown) => {
          throw explainDiskError(error, partial);
        });
        done += bytes.length;
        onProgress?.(done, total ?? done);
      }
    } finally {
      await file.close();
    }
    if (total !== undefined && done < total) throw new Error(l10n.t('the connection was closed early'));
  }

  async #fetch(address: string, headers: Record<string, string>, signal?: AbortSignal) {
    const url = new URL(address);
    const { username, password } = url;
    [url.username, url.password] = ['', ''];
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const authorization = username === '' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
    return fetch(url, {
      dispatcher: this.#dispatcher,
      headers: { ...headers, ...authorization },
      ...(signal && { signal }),
    });
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }
}

/** What a connection trusts if somebody has certificates of their own; undefined for Node's own choice. */
async function trusting({
  certificates: file,
  authorities = [],
  unchecked = false,
}: WebOptions): Promise<{ readonly ca?: string[]; readonly rejectUnauthorized?: boolean } | undefined> {
  if (unchecked) return { rejectUnauthorized: false };
  if (file === undefined && authorities.length === 0) return undefined;
  const own =
    file === undefined
      ? []
      : [
          await readFile(file, 'utf8').catch((error: unknown) => {
            throw new UserError(
              'runtime.certificates',
              l10n.t`The certificates in ${file} cannot be read: ${messageOf(error)}`,
              l10n.t('Check PIP_CERT or "cert" in pip.conf, and "cafile" of npm.'),
            );
          }),
        ];
  // Node adds these itself, but only where nothing else is named.
  const more = process.env.NODE_EXTRA_CA_CERTS;
  const extra = more === undefined ? [] : [await readFile(more, 'utf8').catch(() => '')];
  return { ca: [...rootCertificates, ...extra, ...own, ...authorities] };
}

/** undici says "fetch failed", and why in the cause. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? messageOf(error.cause) : messageOf(error);

const differs = (name: string, expected: Expected) =>
  'size' in expected
    ? new UserError(
        'runtime.hash',
        l10n.t`${name} is not the expected file: its size or SHA-256 does not match.`,
        l10n.t('It was not installed. Ask whoever runs the index, or use another one (--index).'),
      )
    : new UserError(
        'runtime.hash',
        l10n.t`${name} is not the expected package: its integrity (SHA-512) does not match.`,
        l10n.t('It was not used. Ask whoever runs your npm registry: npm config get registry'),
      );

/** The server has refused to give a file. */
class Refused extends Error {}

const wordsOf = (error: unknown, url: string, into: string): unknown =>
  error instanceof UserError
    ? error
    : new UserError(
        'runtime.download',
        l10n.t`${path.basename(into)} could not be downloaded from ${withoutSecrets(url)}: ${reasonOf(error)}`,
        l10n.t('Check the network, then run the command again. The download continues where it stopped.'),
        { cause: error },
      );

/** @throws UserError `runtime.hash` */
export async function checkFile(file: string, expected: Expected, name: string, signal?: AbortSignal): Promise<void> {
  if ('size' in expected && (await stat(file)).size !== expected.size) throw differs(name, expected);
  const hash = createHash('size' in expected ? 'sha256' : 'sha512');
  await pipeline(createReadStream(file), hash, { ...(signal && { signal }) });
  const found = 'size' in expected ? hash.digest('hex') : `sha512-${hash.digest('base64')}`;
  if (found !== ('size' in expected ? expected.sha256 : expected.integrity)) throw differs(name, expected);
}
