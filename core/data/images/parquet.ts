import { createReadStream, openSync, read } from 'node:fs';
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type FileMetaData,
} from 'hyparquet';
import * as z from 'zod';
import { messageOf, UserError } from '../../errors';
import { writeFileAtomic } from '../../files';
import { featureNames } from '../parquet-features';
import { explainReadError } from '../read-error';
import type { ImageDataConfig } from './config';
import type { Progress } from './corrupt';
import { decodeImage } from './decode';
import type { ImageSet } from './image-set';
import type { ImageFiles } from './source';

type Columns = Pick<ImageDataConfig, 'imageColumn' | 'labelColumn' | 'channels'>;
type Label = string | number;

/** One file, with what is read of it before its images. */
interface Table {
  readonly file: string;
  readonly metadata: FileMetaData;
  readonly labels: readonly Label[];
}

/**
 * Images of Parquet files as Hugging Face writes them: a column of `{ bytes, path }` (or of bytes) that holds image files,
 * and one of classes, by name or by number; names of numbers are taken from the file's own description of its features.
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
      };
      return set;
    },
  };
}

async function openTable(file: string, columns: Columns): Promise<Table> {
  const buffer = await asyncBufferFromFile(file).catch((error: unknown) => {
    throw explainReadError(error, file);
  });
  const metadata = await parquetMetadataAsync(buffer).catch((error: unknown) => {
    throw invalid(file, error);
  });
  const known = parquetSchema(metadata).children.map(({ element }) => element.name);
  for (const key of ['imageColumn', 'labelColumn'] as const)
    if (!known.includes(columns[key]))
      throw new UserError(
        'data.parquet-column',
        `${file} has no column ${JSON.stringify(columns[key])}.`,
        `Set data.${key} to one of its columns: ${known.join(', ')}.`,
      );
  const rows = await parquetReadObjects({ file: buffer, metadata, columns: [columns.labelColumn] }).catch(
    (error: unknown) => {
      throw invalid(file, error);
    },
  );
  const labels = rows.map((row, i): Label => {
    const value: unknown = row[columns.labelColumn];
    if (typeof value === 'string' || typeof value === 'number') return value;
    if (typeof value === 'bigint') return Number(value);
    throw new UserError('data.parquet-column', `${file}, row ${i}, has no class in ${columns.labelColumn}.`);
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

/** The encoded images one after another in a file, to be read in any order: a row group is no unit to shuffle by. */
interface Pack {
  read(index: number): Promise<Uint8Array>;
}

const offsetsSchema = z.array(z.int().nonnegative());

async function unpack(
  tables: readonly Table[],
  { imageColumn }: Columns,
  target: string,
  progress: Progress,
): Promise<Pack> {
  const data = `${target}.bin`;
  const index = `${target}.json`;
  const known = await readFile(index, 'utf8').then(
    (text) => offsetsSchema.safeParse(JSON.parse(text)),
    () => undefined,
  );
  if (known?.success && (await stat(data).catch(() => undefined))?.size === known.data.at(-1))
    return packOf(data, known.data);
  await mkdir(path.dirname(target), { recursive: true });
  const total = tables.reduce((sum, { labels }) => sum + labels.length, 0);
  const offsets = [0];
  const partial = `${data}.partial`;
  const out = await open(partial, 'w');
  try {
    for (const table of tables)
      for await (const bytes of imagesOf(table, imageColumn)) {
        progress.signal?.throwIfAborted();
        await out.write(bytes);
        offsets.push(offsets.at(-1)! + bytes.length);
        if (offsets.length % 256 === 0) progress.onProgress?.(offsets.length - 1, total);
      }
  } finally {
    await out.close();
  }
  await rename(partial, data);
  // Last: with it the pack is whole.
  await writeFileAtomic(index, JSON.stringify(offsets));
  return packOf(data, offsets);
}

const readAt = promisify(read);

/** The descriptor stays open as long as the process, which ends with the run. */
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

/** The image files of a table, row group by row group; a row without one gives no bytes, which no decoder takes. */
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
      throw invalid(file, error);
    });
    for (const entry of rows) yield bytesOf(entry[column]);
    row = rowEnd;
  }
}

function bytesOf(value: unknown): Uint8Array {
  const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value;
  return bytes instanceof Uint8Array ? bytes : new Uint8Array();
}

const invalid = (file: string, error: unknown) =>
  new UserError(
    'data.parquet-invalid',
    `${file} is not a Parquet file that can be read: ${messageOf(error)}.`,
    'Was it cut off while it was copied? Compression other than snappy has to be undone first.',
    { cause: error },
  );
