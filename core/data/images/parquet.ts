import { createReadStream, existsSync, openSync, read } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { asyncBufferFromFile, parquetReadObjects, type FileMetaData } from 'hyparquet';
import * as z from 'zod';
import { differenceFrom, hexOf } from '../../checksum';
import { systemCode, UserError } from '../../errors';
import { explainDiskError } from '../../files';
import { readSealed, writeSealed } from '../../sealed-file';
import { featureNames } from '../parquet-features';
import { columnsOfParquet, invalidParquet, openParquetFile, requireCodec } from '../parquet-file';
import type { ImageDataConfig } from './config';
import type { Progress } from './corrupt';
import { decodeImage } from './decode';
import type { ImageSet } from './image-set';
import type { ImageFiles } from './image-files';

type Columns = Pick<ImageDataConfig, 'imageColumn' | 'labelColumn' | 'channels'>;
type Label = string | number;

/** One file, with what is read before its images. */
interface Table {
  readonly file: string;
  readonly metadata: FileMetaData;
  readonly labels: readonly Label[];
}

/**
 * Images in Parquet files as Hugging Face writes them: a column of `{ bytes, path }` (or of bytes) with image files,
 * and one of classes, by name or by number; names for the numbers are taken from the feature description in the file.
 * @throws UserError `data.parquet-invalid`, `data.parquet-column`, `data.not-found`, `data.unreadable`
 */
export async function openParquet(files: readonly string[], columns: Columns): Promise<ImageFiles> {
  const tables = await Promise.all(files.map((file) => openTable(file, columns)));
  const classes = classesOf(tables, columns.labelColumn);
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const names = featureNames(tables[0]!.metadata, columns.labelColumn);
  const labels = Int32Array.from(
    tables.flatMap((table) => table.labels),
    (label) => (typeof label === 'number' && names ? label : numbers.get(String(label))!),
  );
  return {
    classes,
    size: labels.length,
    async fingerprint(hash) {
      for (const file of files)
        for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
    },
    async open(cacheDir, progress) {
      const identity = await identityOf(files, columns);
      const pack = await unpack(tables, columns, path.join(cacheDir, `images-${identity.slice(0, 32)}`), progress);
      const rows = tables.flatMap(({ file, labels: own }) => own.map((_, row) => `${path.basename(file)} row ${row}`));
      const channels = columns.channels ?? 3;
      const set: ImageSet = {
        identity,
        size: labels.length,
        classes,
        channels,
        label: (index) => labels[index]!,
        name: (index) => rows[index]!,
        read: async (index, view) => decodeImage(await pack.read(index), channels, view, rows[index]!),
        encoded: (index) => pack.read(index),
      };
      return set;
    },
  };
}

async function openTable(file: string, columns: Columns): Promise<Table> {
  const parquet = await openParquetFile(file);
  const { buffer, metadata } = parquet;
  const known = columnsOfParquet(parquet).all;
  for (const key of ['imageColumn', 'labelColumn'] as const)
    if (!known.includes(columns[key]))
      throw new UserError(
        'data.parquet-column',
        l10n.t`${file} has no column ${JSON.stringify(columns[key])}.`,
        l10n.t`Set data.${key} to one of its columns: ${known.join(', ')}.`,
      );
  for (const key of ['imageColumn', 'labelColumn'] as const) requireCodec(parquet, columns[key]);
  const rows = await parquetReadObjects({ file: buffer, metadata, columns: [columns.labelColumn] }).catch(
    (error: unknown) => {
      throw invalidParquet(file, error);
    },
  );
  const labels = rows.map((row, i): Label => {
    const value: unknown = row[columns.labelColumn];
    if (typeof value === 'string' || typeof value === 'number') return value;
    // Beyond 2^53, two integers may be the same number.
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    throw new UserError(
      'data.parquet-column',
      l10n.t`${file}, row ${i}, has no class in ${columns.labelColumn}.`,
      l10n.t('Add one, or remove the row.'),
    );
  });
  return { file, metadata, labels };
}

function classesOf(tables: readonly Table[], column: string): string[] {
  const values = new Set(tables.flatMap(({ labels }) => labels));
  const names = featureNames(tables[0]!.metadata, column);
  if (names && [...values].every((value) => typeof value === 'number' && value >= 0 && value < names.length))
    return [...names];
  return [...values]
    .sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1))
    .map(String);
}

async function identityOf(files: readonly string[], columns: Columns): Promise<string> {
  const states = await Promise.all(files.map((file) => stat(file)));
  const told = files.map((file, i) => [file, states[i]!.size, states[i]!.mtimeMs]);
  return createHash('sha256')
    .update(JSON.stringify(['winnow-parquet-images-1', columns, told]))
    .digest('hex');
}

/** The encoded images in one file, readable in any order: row groups are too coarse for shuffling. */
interface Pack {
  read(index: number): Promise<Uint8Array>;
}

/** `offsets` of the images in the data file, one more than there are images, and the checksum of that file. */
const packIndex = z.object({ offsets: z.array(z.int().nonnegative()).min(1), crc32OfData: z.string() });

async function unpack(
  tables: readonly Table[],
  { imageColumn }: Columns,
  target: string,
  progress: Progress,
): Promise<Pack> {
  const data = `${target}.bin`;
  const index = `${target}.json`;
  if (existsSync(index)) {
    const known = await readPack(data, index, progress.signal);
    if (typeof known !== 'string') return known;
    progress.log?.(`The image cache was damaged (${known}); the images are unpacked again.`);
  }
  await mkdir(path.dirname(target), { recursive: true });
  const total = tables.reduce((sum, { labels }) => sum + labels.length, 0);
  const offsets = [0];
  let crc = 0;
  // Private to this process: another run may be unpacking the same images.
  const partial = `${data}.partial-${randomBytes(4).toString('hex')}`;
  const out = await open(partial, 'wx');
  try {
    for (const table of tables)
      for await (const bytes of imagesOf(table, imageColumn)) {
        progress.signal?.throwIfAborted();
        await out.writeFile(bytes);
        crc = crc32(bytes, crc);
        offsets.push(offsets.at(-1)! + bytes.length);
        if (offsets.length % 256 === 0) progress.onProgress?.(offsets.length - 1, total);
      }
  } catch (error) {
    await rm(partial, { force: true });
    throw explainDiskError(error, data);
  } finally {
    await out.close();
  }
  await rename(partial, data);
  // Written last: its presence means that the pack is complete.
  await writeSealed(index, { offsets, crc32OfData: hexOf(crc) });
  return packOf(data, offsets);
}

/**
 * Opens images that were unpacked earlier, after verifying their checksums.
 * @returns the name of the damaged file if one is damaged
 */
async function readPack(data: string, index: string, signal: AbortSignal | undefined): Promise<Pack | string> {
  const known = await readSealed(index, packIndex).catch(() => undefined);
  if (known === undefined) return index;
  const { offsets, crc32OfData } = known;
  const difference = await differenceFrom({ bytes: offsets.at(-1)!, crc32: crc32OfData }, data, signal).catch(
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return 'is missing';
      throw error;
    },
  );
  return difference === undefined ? packOf(data, offsets) : data;
}

const readAt = promisify(read);

/** The file stays open until the process ends, which is when the run ends. */
function packOf(file: string, offsets: readonly number[]): Pack {
  const descriptor = openSync(file, 'r');
  return {
    async read(index) {
      const [from, to] = [offsets[index]!, offsets[index + 1]!];
      const bytes = new Uint8Array(to - from);
      await readAt(descriptor, bytes, 0, bytes.length, from);
      return bytes;
    },
  };
}

/** The image files of a table, row group by row group; a row without one gives no bytes, which fail to decode. */
async function* imagesOf({ file, metadata }: Table, column: string): AsyncIterable<Uint8Array> {
  const buffer = await asyncBufferFromFile(file);
  let row = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = row + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      columns: [column],
      rowStart: row,
      rowEnd,
      utf8: false,
    }).catch((error: unknown) => {
      throw invalidParquet(file, error);
    });
    for (const entry of rows) yield bytesOf(entry[column]);
    row = rowEnd;
  }
}

function bytesOf(value: unknown): Uint8Array {
  const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value;
  return bytes instanceof Uint8Array ? bytes : new Uint8Array();
}
