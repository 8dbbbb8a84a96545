import type { Image } from './image-set';

/** Conversions in Pillow's integer arithmetic, so that a model sees the same pixels here and in Python. */

/** Grayscale by ITU-R 601, as in Pillow's `convert('L')`. @param image with three channels */
export function grayOf({ width, height, pixels }: Image): Image {
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += 3)
    gray[i] = (19_595 * pixels[at]! + 38_470 * pixels[at + 1]! + 7_471 * pixels[at + 2]! + 0x8000) >>> 16;
  return { width, height, channels: 1, pixels: gray };
}

/** CMYK to RGB without a profile, as in Pillow's `convert('RGB')`. @param image with cyan, magenta, yellow and black */
export function rgbOfInks({ width, height, pixels }: Image): Image {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const paper = 255 - pixels[4 * i + 3]!;
    for (let channel = 0; channel < 3; channel++)
      rgb[3 * i + channel] = paper - timesOver255(pixels[4 * i + channel]!, paper);
  }
  return { width, height, channels: 3, pixels: rgb };
}

/** a * b / 255, rounded. */
function timesOver255(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
