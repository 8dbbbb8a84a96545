import type { Random } from '../../random';
import type { Image, ImageSet } from './image-set';

/** Mean and standard deviation of each channel, for values from 0 to 1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** How an image is placed in the square that the model sees. */
export interface Placement {
  /** Pixels by which the image is moved right and down; the uncovered part is black. */
  readonly right: number;
  readonly down: number;
  readonly mirrored: boolean;
}

export const CENTERED: Placement = { right: 0, down: 0, mirrored: false };

export function drawPlacement({ pad, flip }: { readonly pad: number; readonly flip: boolean }, random: Random) {
  const shift = () => (pad === 0 ? 0 : random.int(2 * pad + 1) - pad);
  return { right: shift(), down: shift(), mirrored: flip && random.int(2) === 1 } satisfies Placement;
}

/**
 * Writes an image as the model reads it: normalized, channel by channel.
 * @param image a square
 * @param target [channels, side, side]
 */
export function writePixels(
  { width: side, channels, pixels }: Image,
  { mean, deviation }: Normalization,
  { right, down, mirrored }: Placement,
  target: Float32Array,
): void {
  for (let channel = 0; channel < channels; channel++) {
    const center = mean[channel]!;
    const scale = 1 / deviation[channel]!;
    const plane = channel * side * side;
    for (let y = 0; y < side; y++) {
      const row = y - down;
      const inside = row >= 0 && row < side;
      for (let x = 0; x < side; x++) {
        const shifted = x - right;
        const column = mirrored ? side - 1 - shifted : shifted;
        const value = inside && column >= 0 && column < side ? pixels[(row * side + column) * channels + channel]! : 0;
        target[plane + y * side + x] = (value / 255 - center) * scale;
      }
    }
  }
}

/**
 * Mean and standard deviation of every channel, over evenly spaced images of a set.
 * @param side of the square that a model sees
 * @param most maximum number of images to read
 */
export async function measureNormalization(
  set: Pick<ImageSet, 'size' | 'channels' | 'read'>,
  side: number,
  most = 2_000,
): Promise<Normalization> {
  const count = Math.min(most, set.size);
  const sums = Array.from({ length: set.channels }, () => ({ pixels: 0, sum: 0, squares: 0 }));
  for (let i = 0; i < count; i++) {
    const { pixels, channels } = await set.read(Math.floor((i * set.size) / count), { side });
    for (let at = 0; at < pixels.length; at++) {
      const channel = sums[at % channels]!;
      const value = pixels[at]! / 255;
      channel.pixels++;
      channel.sum += value;
      channel.squares += value * value;
    }
  }
  const mean = sums.map(({ sum, pixels }) => sum / pixels);
  // A constant channel must not be divided by zero.
  const deviation = sums.map(({ squares, pixels }, i) => Math.sqrt(Math.max(squares / pixels - mean[i]! ** 2, 1e-6)));
  return { mean, deviation };
}
