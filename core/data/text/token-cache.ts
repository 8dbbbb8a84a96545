import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { sealed, unseal } from '../../checksum';
import { systemCode, UserError } from '../../errors';
import { explainDiskError, syncToDisk, writeFileAtomic } from '../../files';
import type { Tokenizer } from '../tokenizer/tokenizer';
import type { Corpus } from './corpus';
import { DigestSet } from './digest-set';
import {
  DOCUMENTS,
  readDocumentIndex,
  RECORD_BYTES,
  TokenFile,
  tokenBytesFor,
  TOKENS,
  TokenWriter,
  type DocumentIndex,
} from './token-files';

/** Raised when the files or what is written into them change; older caches are then made anew. */
const FORMAT = 2;

const Meta = z.strictObject({
  format: z.literal(FORMAT),
  corpus: z.string(),
  tokenizer: z.string(),
  vocabSize: z.int().positive(),
  eosId: z.int().nonnegative(),
  tokenBytes: z.union([z.literal(2), z.literal(4)]),
  /** Documents kept, and exact duplicates of earlier ones that were left out. */
  documents: z.int().positive(),
  duplicates: z.int().nonnegative(),
  /** Tokens with the end tokens; UTF-8 bytes of the texts. */
  tokens: z.int().positive(),
  bytes: z.int().positive(),
});

const META = 'meta.json';

/** `meta.json` of a token cache: it is written last, so a folder that has one is complete. */
export type TokenCacheMeta = z.infer<typeof Meta>;

/** A tokenized corpus on disk. */
export interface TokenCache {
  readonly dir: string;
  readonly meta: TokenCacheMeta;
  readonly documents: DocumentIndex;
  readonly tokens: Pick<TokenFile, 'read'>;
  close(): void;
}

export interface TokenCacheOptions {
  readonly corpus: Corpus;
  readonly tokenizer: Tokenizer;
  /** Folder of all caches; this one takes a folder in it that is named by a fingerprint. */
  readonly cacheDir: string;
  readonly signal?: AbortSignal;
  /** Told when a cache turns out damaged and is made again. */
  readonly log?: (text: string) => void;
  /** Called after each document with the documents and tokens so far, while the corpus is tokenized. */
  readonly onProgress?: (documents: number, tokens: number) => void;
}

/**
 * Opens the tokenized form of a corpus, making it on the first call. Work that was cut (a crash, an abort, a bad line in
 * the corpus) continues after its last complete document and ends with the same bytes. Memory: one document, a
 * million tokens, and about 32 bytes per document to find duplicates. A cache is read once against its checksums before it is
 * used, and made again where it is damaged.
 *
 * @throws UserError `tokenizer.no-end-token`, `disk.*`, and whatever reading the corpus throws; the signal's reason
 */
export async function openTokenCache(options: TokenCacheOptions): Promise<TokenCache> {
  const { corpus, tokenizer, cacheDir } = options;
  const eosId = tokenizer.eosId;
  if (eosId === undefined) {
    throw new UserError(
      'tokenizer.no-end-token',
      l10n.t('The tokenizer has no end-of-text token, so documents cannot be separated.'),
      l10n.t('Set eos_token in a tokenizer_config.json next to the tokenizer.json.'),
    );
  }
  const base = {
    format: FORMAT,
    corpus: await corpus.fingerprint(),
    tokenizer: tokenizer.fingerprint,
    vocabSize: tokenizer.vocabSize,
    eosId,
    tokenBytes: tokenBytesFor(tokenizer.vocabSize),
  } as const;
  const key = createHash('sha256').update(JSON.stringify(base)).digest('hex').slice(0, 32);
  const dir = path.join(cacheDir, key);

  const ready = await openComplete(dir, options);
  if (ready !== undefined) return ready;
  try {
    await mkdir(cacheDir, { recursive: true });
    const work = await claimWorkFolder(cacheDir, key);
    try {
      const counts = await tokenize(work, base, options);
      await writeFileAtomic(path.join(work, META), sealed({ ...base, ...counts }));
      await syncToDisk(work);
      await publish(work, dir);
    } finally {
      claimed.delete(path.basename(work));
    }
  } catch (error) {
    throw explainDiskError(error, dir);
  }
  const made = await openComplete(dir, options);
  if (made === undefined)
    throw new UserError('disk.vanished', l10n.t`${dir} was removed while it was being written.`, l10n.t('Try again.'));
  return made;
}

/** What is kept of a document's id: see `DocumentIndex.idHashes`. */
export const hashOfId = (id: string): bigint => createHash('sha256').update(id).digest().readBigUInt64LE(0);

/** The cache in a folder, or nothing where it is missing or damaged. */
async function openComplete(
  dir: string,
  { signal, log }: Pick<TokenCacheOptions, 'signal' | 'log'> = {},
): Promise<TokenCache | undefined> {
  const found = await readComplete(dir, signal);
  if (typeof found !== 'string') return found;
  log?.(`The token cache was damaged (${path.join(dir, found)}); the corpus is tokenized again.`);
  return undefined;
}

/** The same; the name of a file that is not as it was written, where one is not. */
async function readComplete(dir: string, signal: AbortSignal | undefined): Promise<TokenCache | string | undefined> {
  let file = META;
  try {
    const meta = Meta.parse(unseal(await readFile(path.join(dir, META), 'utf8')));
    file = TOKENS;
    if ((await stat(path.join(dir, TOKENS))).size !== meta.tokens * meta.tokenBytes) return file;
    file = DOCUMENTS;
    if ((await stat(path.join(dir, DOCUMENTS))).size !== meta.documents * RECORD_BYTES) return file;
    const documents = await readDocumentIndex(dir, signal);
    if (typeof documents === 'string') return documents;
    const tokens = new TokenFile(dir, meta.tokenBytes);
    return {
      dir,
      meta,
      documents,
      tokens,
      close: () => {
        tokens.close();
      },
    };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return existsSync(dir) ? file : undefined;
    if (error instanceof SyntaxError || error instanceof z.ZodError) return file;
    throw error;
  }
}

/** Work folders of this process that are being written right now. */
const claimed = new Set<string>();

/**
 * A folder that no other process writes to. The name says whose it is, so that the unfinished work of a dead process on
 * this machine is taken over; the rename decides between two that want it.
 */
async function claimWorkFolder(cacheDir: string, key: string): Promise<string> {
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
  const prefix = `${key}.unfinished-${host}-`;
  const name = `${prefix}${process.pid}-${randomBytes(4).toString('hex')}`;
  claimed.add(name);
  const target = path.join(cacheDir, name);
  for (const entry of await readdir(cacheDir)) {
    if (!entry.startsWith(prefix) || claimed.has(entry)) continue;
    const pid = Number(entry.slice(prefix.length).split('-')[0]);
    if (pid !== process.pid && isAlive(pid)) continue;
    const isOurs = await rename(path.join(cacheDir, entry), target).then(
      () => true,
      () => false,
    );
    if (isOurs) return target;
  }
  await mkdir(target);
  return target;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Puts a finished folder in its place; where another process was faster, its folder holds the same bytes. */
async function publish(work: string, dir: string): Promise<void> {
  try {
    await rename(work, dir);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
    const present = await openComplete(dir);
    if (present !== undefined) {
      present.close();
      await rm(work, { recursive: true });
      return;
    }
    // What is there is damaged. It is moved before it is deleted, so that the place is free at once.
    const damaged = `${work}-damaged`;
    await rename(dir, damaged);
    await rename(work, dir);
    await rm(damaged, { recursive: true });
  }
  await syncToDisk(path.dirname(dir));
}

async function tokenize(
  dir: string,
  { eosId, tokenBytes }: Pick<TokenCacheMeta, 'eosId' | 'tokenBytes'>,
  { corpus, tokenizer, signal, onProgress }: TokenCacheOptions,
): Promise<Pick<TokenCacheMeta, 'documents' | 'duplicates' | 'tokens' | 'bytes'>> {
  const writer = await TokenWriter.open(dir, tokenBytes);
  const counts = { documents: 0, duplicates: 0, tokens: 0, bytes: 0 };
  const seen = new DigestSet();
  try {
    for await (const { id, text } of corpus.documents()) {
      signal?.throwIfAborted();
      if (!seen.add(createHash('sha256').update(text).digest())) {
        counts.duplicates += 1;
        continue;
      }
      const bytes = Buffer.byteLength(text);
      if (counts.documents < writer.complete.count) {
        counts.tokens = writer.complete.ends[counts.documents]!;
      } else {
        const ids = tokenizer.encode(text);
        ids.push(eosId);
        await writer.append(ids, bytes, hashOfId(id));
        counts.tokens += ids.length;
      }
      counts.documents += 1;
      counts.bytes += bytes;
      onProgress?.(counts.documents, counts.tokens);
    }
  } finally {
    await writer.flush().finally(() => writer.close());
  }
  return counts;
}
