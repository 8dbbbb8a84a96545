import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../errors';
import { requireDataFile } from '../data-file';
import { explainReadError } from '../read-error';
import { decodeImage, encodePng } from './decode';
import type { Image, ImageSet } from './image-set';

const unzip = promisify(gunzip);

/** IDX's codes for the types of values. */
const UNSIGNED_BYTE = 0x08;
const TYPES: Readonly<Record<number, () => string>> = {
  0x09: () => l10n.t('signed bytes'),
  0x0b: () => l10n.t('16-bit integers'),
  0x0c: () => l10n.t('32-bit integers'),
  0x0d: () => l10n.t('32-bit floating point numbers'),
  0x0e: () => l10n.t('64-bit floating point numbers'),
};

interface Idx {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of bytes, the format of the MNIST files (LeCun, Cortes & Burges), gzip-compressed or not: two zero
 * bytes, the type, the number of dimensions, each length as a big-endian 32-bit integer, then the values row by row.
 * @throws UserError `data.bad-idx`, `data.not-found`, `data.unreadable`
 */
export async function readIdx(file: string): Promise<Idx> {
  await requireDataFile(file, 'gzip');
  let bytes: Uint8Array = await readFile(file).catch((error: unknown) => {
    throw explainReadError(error, file);
  });
  const bad = (why: string, cause?: unknown) =>
    new UserError(
      'data.bad-idx',
      l10n.t`${file} is not an IDX file of bytes: ${why}.`,
      l10n.t('Check that the download is complete.'),
      { cause },
    );
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    bytes = await unzip(bytes).catch((error: unknown) => {
      throw bad(messageOf(error), error);
    });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0) throw bad(l10n.t('it does not begin with two zero bytes'));
  const type = bytes[2]!;
  const values = TYPES[type];
  if (type !== UNSIGNED_BYTE)
    throw values === undefined
      ? bad(l10n.t`it has an unknown type of values, 0x${type.toString(16)}`)
      : new UserError(
          'data.bad-idx',
          l10n.t`${file} holds ${values()}; Winnow reads only unsigned bytes.`,
          l10n.t('Convert the values to unsigned bytes from 0 to 255 (type 0x08).'),
        );
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw bad(l10n.t('it ends in the middle of its header'));
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const data = bytes.subarray(start);
  const expected = shape.reduce((product, length) => product * length, 1);
  if (data.length !== expected)
    throw bad(l10n.t`[${shape.join(', ')}] means ${expected} values, but it has ${data.length}`);
  return { shape, data };
}

/**
 * Images and labels from a pair of IDX files, gray ([images, rows, columns]) or color ([images, rows, columns, 3]).
 * @throws UserError `data.bad-idx` if the two do not belong together
 */
export async function openIdxPair(imagesFile: string, labelsFile: string, seen?: 1 | 3): Promise<ImageSet> {
  const [images, labels] = await Promise.all([readIdx(imagesFile), readIdx(labelsFile)]);
  const [size = 0, height = 0, width = 0, channels = 1] = images.shape;
  const isImages = images.shape.length === 3 || images.shape.length === 4;
  if (!isImages || (channels !== 1 && channels !== 3) || size * height * width === 0)
    throw new UserError(
      'data.bad-idx',
      l10n.t`${imagesFile} has the shape [${images.shape.join(', ')}], which is not a shape of images.`,
      l10n.t('It must be [images, rows, columns], or [images, rows, columns, 3].'),
    );
  if (labels.shape.length !== 1 || labels.data.length !== size)
    throw new UserError(
      'data.bad-idx',
      l10n.t`${labelsFile} has ${labels.data.length} labels for ${size} images.`,
      l10n.t('The two files must belong together.'),
    );
  const count = labels.data.reduce((most, label) => Math.max(most, label + 1), 0);
  return bytesAsImages(
    images.data,
    {
      width,
      height,
      channels,
      classes: Array.from({ length: count }, (_, i) => String(i)),
      label: (index) => labels.data[index]!,
      name: (index) => `${path.basename(imagesFile)} ${index}`,
    },
    seen,
  );
}

interface BytesOptions extends Pick<ImageSet, 'classes' | 'label' | 'name'> {
  readonly width: number;
  readonly height: number;
  /** Channels of the bytes. */
  readonly channels: 1 | 3;
}

/** Images of one size, one after another in memory. @param seen channels that a model sees; default: all */
export function bytesAsImages(
  data: Uint8Array,
  { width, height, channels, classes, label, name }: BytesOptions,
  seen: 1 | 3 = channels,
): ImageSet {
  const bytes = width * height * channels;
  const read = (index: number): Image => ({
    width,
    height,
    channels,
    pixels: data.subarray(index * bytes, (index + 1) * bytes),
  });
  return {
    size: data.length / bytes,
    channels: seen,
    classes,
    label,
    name,
    read: (index, view) => decodeImage(read(index), seen, view, name(index)),
    encoded: (index) => encodePng(read(index)),
  };
}

/** Whether a file is named like the images of MNIST: `train-images-idx3-ubyte`, `t10k-images-idx3-ubyte.gz`, … */
export const isIdxImages = (file: string): boolean => /images[-.]idx\d/.test(path.basename(file));

/** The labels that belong to a file of images. @throws UserError `data.not-found` */
export function idxLabelsBeside(images: string): string {
  const name = path.basename(images).replace('images', 'labels').replace(/idx\d/, 'idx1');
  const beside = path.join(path.dirname(images), name);
  const plain = beside.replace(/\.gz$/, '');
  for (const file of [beside, plain, `${plain}.gz`]) if (existsSync(file)) return file;
  throw new UserError(
    'data.not-found',
    l10n.t`${beside} does not exist.`,
    l10n.t`It must hold the labels of ${images}.`,
  );
}
