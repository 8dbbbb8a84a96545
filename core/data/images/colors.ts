import type { Image } from './image-set';

/** Conversions with the integers of Pillow, so that a model sees the same pixels here and in Python. */

/** Gray of colored pixels by ITU-R 601, as Pillow's `convert('L')`. @param image of three channels */
export function grayOf({ width, height, pixels }: Image): Image {
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += 3)
    gray[i] = (19_595 * pixels[at]! + 38_470 * pixels[at + 1]! + 7_471 * pixels[at + 2]! + 0x8000) >>> 16;
  return { width, height, channels: 1, pixels: gray };
}

/** Red, green and blue of inks, as Pillow's `convert('RGB')`: without a profile. @param image cyan, magenta, yellow, black */
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
