import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { GIT_LFS, isWebPage, startsWith, type FirstBytes } from '../checkpoint/first-bytes';
import { explainReadError } from './read-error';

/** Enough to know every format below, and text from what is none. */
const HEAD_BYTES = 4096;

/** What the reader of a file expects in it: lines of a format, text of any kind, bytes, or bytes that gzip may have packed. */
export type Expected = 'lines' | 'text' | 'bytes' | 'gzip';

/** Packed files by their first bytes, with what unpacks them. */
const PACKED: readonly (readonly [first: FirstBytes, name: string, unpack: string, ending: string])[] = [
  [[0x28, 0xb5, 0x2f, 0xfd], 'Zstandard', 'zstd -d', '.zst'],
  [[0x1f, 0x8b], 'gzip', 'gunzip', '.gz'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 'xz', 'unxz', '.xz'],
  [[0x42, 0x5a, 0x68, -1, 0x31, 0x41, 0x59, 0x26], 'bzip2', 'bunzip2', '.bz2'],
  [[0x04, 0x22, 0x4d, 0x18], 'LZ4', 'lz4 -d', '.lz4'],
  [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], '7-Zip', '7z x', '.7z'],
  [[0x50, 0x4b, 0x03, 0x04], 'ZIP', 'unzip', '.zip'],
];

/** Other formats that are given as text now and then. */
const FORMATS: readonly (readonly [first: FirstBytes, name: () => string])[] = [
  ['PAR1', () => l10n.t('a Parquet file')],
  ['ARROW1', () => l10n.t('an Arrow file')],
  ['SQLite format 3', () => l10n.t('an SQLite database')],
  ['%PDF-', () => l10n.t('a PDF')],
  [[0x89, 0x50, 0x4e, 0x47], () => l10n.t('a PNG image')],
  [[0xff, 0xd8, 0xff], () => l10n.t('a JPEG image')],
  [[0x89, 0x48, 0x44, 0x46], () => l10n.t('an HDF5 file')],
  [[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], () => l10n.t('a NumPy array')],
  [[0x80, 0x04, 0x95], () => l10n.t('a Python pickle')],
];

/**
 * Looks whether a file is one at all, and by its first bytes whether it is something else than its ending says. What is
 * inside is its reader's business.
 * @throws UserError `data.not-a-file`, `data.not-found`, `data.unreadable`, `data.lfs-pointer`, `data.compressed`,
 *   `data.not-utf8`, `data.other-format`
 */
export async function requireDataFile(file: string, expected: Expected): Promise<void> {
  const entry = await stat(file).catch((error: unknown) => {
    throw explainReadError(error, file);
  });
  if (!entry.isFile()) throw notAFile(file, entry);
  const head = await readHead(file);
  if (startsWith(head, GIT_LFS))
    throw new UserError(
      'data.lfs-pointer',
      l10n.t`${file} is a Git LFS pointer, not the data itself.`,
      l10n.t('Download the data with `git lfs pull`.'),
    );
  requireUnpacked(file, head, expected);
  if (expected === 'lines' || expected === 'text') requireText(file, head, expected);
}

/** Reading a pipe or a device may wait for ever, and cannot be done twice. */
function notAFile(file: string, entry: Awaited<ReturnType<typeof stat>>): UserError {
  const kind = entry.isDirectory()
    ? l10n.t('a folder')
    : entry.isFIFO()
      ? l10n.t('a pipe')
      : entry.isSocket()
        ? l10n.t('a socket')
        : l10n.t('a device');
  return new UserError(
    'data.not-a-file',
    l10n.t`${file} is ${kind}, not a file.`,
    entry.isDirectory() ? l10n.t('Give the path of the file in it.') : l10n.t('Write the data to a file first.'),
  );
}

async function readHead(file: string): Promise<Uint8Array> {
  try {
    const handle = await open(file, 'r');
    try {
      const head = new Uint8Array(HEAD_BYTES);
      const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
      return head.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explainReadError(error, file);
  }
}

function requireUnpacked(file: string, head: Uint8Array, expected: Expected): void {
  const packed = PACKED.find(([first]) => startsWith(head, first));
  if (packed === undefined || (expected === 'gzip' && packed[1] === 'gzip')) return;
  throw compressed(file, packed);
}

const compressed = (file: string, [, name, unpack]: (typeof PACKED)[number]) =>
  new UserError(
    'data.compressed',
    name === 'ZIP'
      ? l10n.t`${file} is a ZIP archive, as .xlsx and .docx files are.`
      : l10n.t`${file} is compressed with ${name}.`,
    l10n.t`Unpack it first, for example with \`${unpack} ${path.basename(file)}\`.`,
  );

const packingOf = (name: string) => PACKED.find(([, , , ending]) => name.toLowerCase().endsWith(ending));

/**
 * Whether a file is by its name one with these endings, packed: to leave it out of a folder in silence would be to train on
 * a part of the data.
 */
export function isPacked(name: string, endings: readonly string[]): boolean {
  const packing = packingOf(name);
  return packing !== undefined && endings.includes(path.extname(name.slice(0, -packing[3].length)).toLowerCase());
}

/** The error for a file that `isPacked`. */
export const packedFile = (file: string): UserError => compressed(file, packingOf(file)!);

function requireText(file: string, head: Uint8Array, expected: Expected): void {
  const utf16 = utf16Of(head);
  if (utf16 !== undefined)
    throw new UserError(
      'data.not-utf8',
      l10n.t`${file} is UTF-16 text, not UTF-8.`,
      l10n.t`Convert it first, for example with \`iconv -f ${utf16} -t utf-8 ${path.basename(file)}\`.`,
    );
  const other =
    FORMATS.find(([first]) => startsWith(head, first))?.[1]() ??
    (head.includes(0) ? l10n.t('a binary file') : undefined);
  const page = expected === 'lines' && isWebPage(head);
  if (other === undefined && !page) return;
  throw new UserError(
    'data.other-format',
    l10n.t`${file} is ${other ?? l10n.t('a web page')}, despite its name.`,
    page
      ? l10n.t('Perhaps the web page about the data was saved instead of the data itself.')
      : l10n.t('Give the path of a text file.'),
  );
}

/** UTF-16 by its mark, or by a zero in every second byte of what would be plain letters. */
function utf16Of(head: Uint8Array): string | undefined {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return 'utf-16';
  const pairs = Math.floor(head.length / 2);
  if (pairs === 0) return undefined;
  const zeros = [0, 0];
  for (let i = 0; i < 2 * pairs; i++) if (head[i] === 0) zeros[i % 2]!++;
  if (zeros[1]! > 0.7 * pairs && zeros[0] === 0) return 'utf-16le';
  if (zeros[0]! > 0.7 * pairs && zeros[1] === 0) return 'utf-16be';
  return undefined;
}
