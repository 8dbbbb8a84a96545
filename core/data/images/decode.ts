import type { OutputInfo, Sharp } from 'sharp';
import type sharpLibrary from 'sharp';
import { messageOf, UserError } from '../../errors';
import type { Image } from './image-set';
import { regionOf, type View } from './view';

/** An image file, the bytes of one, or pixels. */
export type Encoded = string | Uint8Array | Image;

const isImage = (input: Encoded): input is Image => typeof input === 'object' && 'pixels' in input;

/** Loaded with the first image: a native library, which lists and help need not. */
let library: Promise<typeof sharpLibrary> | undefined;

function loadSharp() {
  library ??= import('sharp').then(({ default: sharp }) => {
    // Images are read once an epoch, one per thread of the pool; the trainer needs the processor more.
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return library;
}

/** What sharp decodes, and what it is told of here so that it is named and not left out in silence. */
export const IMAGE_ENDINGS = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.bmp'] as const;

/**
 * Decodes the part of an image that a view cuts out, turned as its EXIF says, without transparency.
 * @param name in errors
 * @throws UserError `data.corrupt-image`
 */
export async function decodeImage(input: Encoded, channels: 1 | 3, view: View, name: string): Promise<Image> {
  const { side } = view;
  if (isImage(input) && !view.cut && input.width === side && input.height === side && input.channels === channels)
    return input;
  try {
    const image = await opened(input);
    const { width, height } = isImage(input) ? input : (await image.metadata()).autoOrient;
    const { data, info } = await image
      .extract(regionOf(view, width, height))
      .resize(side, side, { fit: 'fill', kernel: 'cubic' })
      .removeAlpha()
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: side, height: side, channels, pixels: channelsOf(data, info, channels) };
  } catch (error) {
    throw new UserError('data.corrupt-image', `${name} cannot be decoded: ${oneLine(error)}.`, 'Is the file whole?', {
      cause: error,
    });
  }
}

async function opened(input: Encoded): Promise<Sharp> {
  const sharp = await loadSharp();
  if (!isImage(input)) return sharp(input, { failOn: 'error', limitInputPixels: false }).autoOrient();
  const { width, height, pixels } = input;
  const raw = { width, height, channels: input.channels as 1 | 3 };
  return sharp(pixels, { raw });
}

/** A gray file gives one channel also where three are asked for. */
function channelsOf(data: Buffer, { channels: given }: OutputInfo, channels: number): Uint8Array {
  if (given === channels) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  const pixels = new Uint8Array((data.length / given) * channels);
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[Math.floor(i / channels) * given]!;
  return pixels;
}

/** libvips reports over several lines; the first says what. */
const oneLine = (error: unknown) => messageOf(error).split('\n')[0]!.replace(/\.$/, '');

/** Pixels as an image file for a page: PNG while it is small, else JPEG. */
export async function encodeForPage({ width, height, channels, pixels }: Image): Promise<string> {
  const sharp = await loadSharp();
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  if (width * height <= SMALL_PIXELS) return dataUrl('png', await image.png().toBuffer());
  return dataUrl('jpeg', await image.jpeg({ quality: 85 }).toBuffer());
}

const SMALL_PIXELS = 64 * 64;

const dataUrl = (type: string, bytes: Buffer) => `data:image/${type};base64,${bytes.toString('base64')}`;
