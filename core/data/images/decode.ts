import * as l10n from '@vscode/l10n';
import type { Sharp } from 'sharp';
import type sharpLibrary from 'sharp';
import { messageOf, UserError } from '../../errors';
import { grayOf, rgbOfInks } from './colors';
import { headOf } from './file-head';
import { explainUndecodable, requireSupported } from './formats';
import type { Image } from './image-set';
import { regionOf, type View } from './view';

/** An image file, the bytes of one, or pixels. */
export type Encoded = string | Uint8Array | Image;

const isImage = (input: Encoded): input is Image => typeof input === 'object' && 'pixels' in input;

/** Loaded with the first image: a native library that lists and help do not need. */
let library: Promise<typeof sharpLibrary> | undefined;

function loadSharp() {
  library ??= import('sharp').then(({ default: sharp }) => {
    // Each image is read once per epoch, and each thread of the pool decodes one; the trainer needs the CPU more.
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return library;
}

/**
 * Decodes the part of an image that a view selects: the first image of the file, rotated as its EXIF says, without
 * transparency. Except for the rotation, the colors are those of Pillow's `convert('RGB')` or `convert('L')`: profiles
 * are not applied. 16 bits are reduced to the upper 8, where Pillow clips gray images to white.
 * @param name for error messages
 * @throws UserError `data.corrupt-image`, `data.unsupported-image`
 */
export async function decodeImage(input: Encoded, channels: 1 | 3, view: View, name: string): Promise<Image> {
  const { side } = view;
  if (isImage(input) && !view.cut && input.width === side && input.height === side && input.channels === channels)
    return input;
  try {
    return await decoded(isImage(input) ? await fromPixels(input) : await fromFile(input, name), channels, view);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const known = isImage(input) ? undefined : await explainUndecodable(headOf(input), name).catch(() => undefined);
    if (known !== undefined) throw known;
    throw new UserError(
      'data.corrupt-image',
      l10n.t`${name} cannot be decoded: ${oneLine(error)}.`,
      l10n.t('Check that the file is complete.'),
      {
        cause: error,
      },
    );
  }
}

/** An image that sharp is about to decode. */
interface Opened {
  readonly image: Sharp;
  readonly width: number;
  readonly height: number;
  readonly isGray: boolean;
}

async function fromPixels({ width, height, channels, pixels }: Image): Promise<Opened> {
  const sharp = await loadSharp();
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  return { image, width, height, isGray: channels === 1 };
}

async function fromFile(input: string | Uint8Array, name: string): Promise<Opened> {
  const sharp = await loadSharp();
  const image = sharp(input, { failOn: 'error', limitInputPixels: false, ignoreIcc: true }).autoOrient();
  const metadata = await image.metadata();
  await requireSupported(metadata, headOf(input), name);
  const { space, autoOrient } = metadata;
  if (space !== 'cmyk') return { image, ...autoOrient, isGray: space === 'b-w' };
  // libvips would apply the color profile of a printing press. Such images are rare, so this may be slower.
  const inks = await image
    .removeAlpha()
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { data, info } = inks;
  return fromPixels(rgbOfInks({ width: info.width, height: info.height, channels: 4, pixels: data }));
}

async function decoded({ image, width, height, isGray }: Opened, channels: 1 | 3, view: View): Promise<Image> {
  const { side } = view;
  const { data, info } = await image
    .extract(regionOf(view, width, height))
    .resize(side, side, { fit: 'fill', kernel: 'cubic' })
    .removeAlpha()
    .toColourspace(channels === 1 && isGray ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const made = { width: side, height: side, channels: info.channels, pixels: viewOf(data) };
  if (info.channels === channels) return made;
  return channels === 1 ? grayOf(made) : { ...made, channels, pixels: repeated(made.pixels) };
}

const viewOf = ({ buffer, byteOffset, length }: Buffer) => new Uint8Array(buffer, byteOffset, length);

/** A gray file gives one channel even if three are requested. */
const repeated = (gray: Uint8Array) => Uint8Array.from({ length: 3 * gray.length }, (_, i) => gray[Math.floor(i / 3)]!);

/** libvips reports several lines; the first says what is wrong. */
const oneLine = (error: unknown) => messageOf(error).split('\n')[0]!.replace(/\.$/, '');

/** Pixels as a PNG, which has the same ones. */
export async function encodePng({ width, height, channels, pixels }: Image): Promise<Buffer> {
  const sharp = await loadSharp();
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  return (channels === 1 ? image.toColourspace('b-w') : image).png().toBuffer();
}

/** Pixels as an image file for a page: PNG for small images, otherwise JPEG. */
export async function encodeForPage({ width, height, channels, pixels }: Image): Promise<string> {
  if (width * height <= SMALL_PIXELS) return dataUrl('png', await encodePng({ width, height, channels, pixels }));
  const sharp = await loadSharp();
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  return dataUrl('jpeg', await image.jpeg({ quality: 85 }).toBuffer());
}

const SMALL_PIXELS = 64 * 64;

const dataUrl = (type: string, bytes: Buffer) => `data:image/${type};base64,${bytes.toString('base64')}`;
