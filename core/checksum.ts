import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import * as l10n from '@vscode/l10n';

/**
 * Checksums of what is read again later: a bit that flipped on a disk or on the way is to be noticed before it is used.
 * CRC-32 finds every flip of one bit and every burst of up to 32, and Node computes it at 3 to 4 GB/s on one core (SHA-256:
 * about 1.2). It is no protection against people.
 */

/** What a file is to be: its length in bytes, and the CRC-32 of them, 8 hexadecimal digits. */
export interface FileChecksum {
  readonly bytes: number;
  readonly crc32: string;
}

const CHUNK_BYTES = 2 ** 22;

export const hexOf = (crc: number): string => crc.toString(16).padStart(8, '0');

/** Reads a file once. @throws the file system's error; the signal's reason */
export async function checksumOf(file: string, signal?: AbortSignal): Promise<FileChecksum> {
  let crc = 0;
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    crc = crc32(chunk, crc);
    bytes += chunk.length;
  }
  return { bytes, crc32: hexOf(crc) };
}

/** Of a text that is whole in memory. */
export const checksumOfText = (text: string | Uint8Array): string => hexOf(crc32(text));

/**
 * How a file differs from what it is to be, to follow its name in a sentence; undefined where it does not. One that has
 * another length is not read.
 * @throws the file system's error where it is not there; the signal's reason
 */
export async function differenceFrom(
  expected: FileChecksum,
  file: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { size } = await stat(file);
  if (size !== expected.bytes) return l10n.t`has ${size} bytes where ${expected.bytes} were written`;
  const { crc32: found } = await checksumOf(file, signal);
  return found === expected.crc32 ? undefined : l10n.t('does not match its recorded checksum');
}

/** Where a JSON object keeps the checksum of all the rest of it. */
const SEAL = 'crc32';

/** The JSON of an object, with a checksum of its own: `unseal` notices when it changed. */
export function sealed(value: object, space = 2): string {
  const text = JSON.stringify(value);
  return `${JSON.stringify({ ...value, [SEAL]: checksumOfText(text) }, null, space)}\n`;
}

/**
 * The object in a text that `sealed` made. White space does not matter. A text without a checksum, from before there were
 * any, is taken as it is.
 * @throws SyntaxError where it is no JSON, or does not have its checksum
 */
export function unseal(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, SEAL)) return value;
  const { [SEAL]: seal, ...rest } = value as Record<string, unknown>;
  if (seal !== checksumOfText(JSON.stringify(rest)))
    throw new SyntaxError(l10n.t('its checksum does not match its contents'));
  return rest;
}
