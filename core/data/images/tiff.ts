import type { Head } from './file-head';

/** Tags of TIFF 6.0. */
const COMPRESSION = 259;
const PHOTOMETRIC = 262;

const YCBCR = 6;
/** For these, libjpeg converts to RGB. */
const JPEG = new Set([6, 7]);

/**
 * Whether a TIFF file has YCbCr colors that no decoder converted to RGB: libvips would treat them as RGB. Looks only at
 * the first image.
 */
export async function hasRawYcbcr(read: Head): Promise<boolean> {
  const header = view(await read(0, 8));
  if (header.byteLength < 8) return false;
  const little = header.getUint16(0) === 0x4949;
  if (header.getUint16(2, little) !== 42) return false;
  const directory = header.getUint32(4, little);
  const count = view(await read(directory, 2)).getUint16(0, little);
  const entries = view(await read(directory + 2, 12 * count));
  const tags = new Map<number, number>();
  for (let at = 0; at + 12 <= entries.byteLength; at += 12)
    tags.set(entries.getUint16(at, little), entries.getUint16(at + 8, little));
  return tags.get(PHOTOMETRIC) === YCBCR && !JPEG.has(tags.get(COMPRESSION) ?? 1);
}

const view = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);
