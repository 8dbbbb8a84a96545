import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import * as l10n from '@vscode/l10n';
import { EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici';
import { messageOf, systemCode, UserError } from '../errors';
import { explainDiskError, makeFolder, remove } from '../files';
import { withoutSecrets } from './addresses';

/** What a downloaded file has to be. */
export interface Expected {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

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

  /** @param certificates a file with certificates to trust besides the usual ones */
  static async open(certificates?: string): Promise<Web> {
    const own = certificates === undefined ? undefined : await readFile(certificates, 'utf8').catch(() => undefined);
    const tls =
      own === undefined
        ? {}
        : { connect: { ca: [...rootCertificates, own] }, requestTls: { ca: [...rootCertificates, own] } };
    return new Web(new EnvHttpProxyAgent({ ...tls, headersTimeout: SILENCE, bodyTimeout: SILENCE }));
  }

  /** The text at an address, or in a file; undefined if there is none. */
  async text(address: string, accept: string, signal?: AbortSignal): Promise<string | undefined> {
    if (!/^https?:/.test(address))
      return readFile(address, 'utf8').catch((error: unknown) => {
        if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
        throw error;
      });
    const response = await this.#fetch(address, { accept }, signal);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
    return response.text();
  }

  /**
   * Downloads a file, from where an earlier attempt has stopped, and checks it.
   * @param into is written as a whole, or not at all
   * @param onProgress is called with the bytes that are there
   * @throws UserError `runtime.download` after several attempts, `runtime.hash` for another file, `disk.*`
   */
  async download(
    url: string,
    into: string,
    expected: Expected,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
  ): Promise<void> {
    await makeFolder(path.dirname(into));
    const partial = `${into}.part`;
    for (let attempt = 1, before = -1; ; attempt++) {
      try {
        await this.#continue(url, partial, expected, signal, onProgress);
        break;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof UserError) throw error;
        const { size } = await stat(partial).catch(() => ({ size: 0 }));
        if (size > before) [attempt, before] = [1, size];
        if (attempt >= ATTEMPTS)
          throw new UserError(
            'runtime.download',
            l10n.t`${path.basename(into)} could not be downloaded from ${withoutSecrets(url)}: ${reasonOf(error)}`,
            l10n.t('Check the network, then run the command again. The download continues where it stopped.'),
            { cause: error },
          );
        await sleep(PAUSE * 2 ** (attempt - 1), undefined, signal && { signal });
      }
    }
    await checkFile(partial, expected, path.basename(into));
    await rename(partial, into);
  }

  async #continue(
    url: string,
    partial: string,
    { size }: Expected,
    signal: AbortSignal | undefined,
    onProgress: ((done: number) => void) | undefined,
  ): Promise<void> {
    let done = (await stat(partial).catch(() => ({ size: 0 }))).size;
    if (done > size) {
      await remove(partial);
      done = 0;
    }
    if (done === size) return;
    const response = await this.#fetch(url, done > 0 ? { range: `bytes=${done}-` } : {}, signal);
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
    // A server that does not know ranges begins again.
    if (response.status !== 206) done = 0;
    const file = await open(partial, done > 0 ? 'r+' : 'w').catch((error: unknown) => {
      throw explainDiskError(error, partial);
    });
    try {
      for await (const chunk of response.body) {
        const bytes = chunk as Uint8Array;
        if (done + bytes.length > size) throw differs(path.basename(partial, '.part'));
        await file.write(bytes, 0, bytes.length, done).catch((error: unknown) => {
          throw explainDiskError(error, partial);
        });
        done += bytes.length;
        onProgress?.(done);
      }
    } finally {
      await file.close();
    }
    if (done < size) throw new Error(l10n.t('the connection was closed early'));
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

/** undici says "fetch failed", and why in the cause. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? messageOf(error.cause) : messageOf(error);

const differs = (name: string) =>
  new UserError(
    'runtime.hash',
    l10n.t`${name} is not the expected file: its size or SHA-256 does not match.`,
    l10n.t('It was not installed. Ask whoever runs the index, or use another one (--index).'),
  );

/** @throws UserError `runtime.hash`; then a file that this program has downloaded is deleted */
export async function checkFile(file: string, { sha256, size }: Expected, name: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  if (hash.digest('hex') === sha256 && (await stat(file)).size === size) return;
  if (file.endsWith('.part')) await remove(file);
  throw differs(name);
}
