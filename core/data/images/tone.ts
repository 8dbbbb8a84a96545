import type { Image } from './image-set';

/** Tone operations as in Pillow; each returns a new image. */

const clamp = (value: number) => Math.min(Math.max(Math.round(value), 0), 255);

/** Maps every channel through its own table of 256 values. */
function mapped(image: Image, tableOf: (channel: number) => Uint8Array): Image {
  const { channels, pixels } = image;
  const tables = Array.from({ length: channels }, (_, channel) => tableOf(channel));
  return { ...image, pixels: pixels.map((value, i) => tables[i % channels]![value]!) };
}

const table = (value: (level: number) => number) => Uint8Array.from({ length: 256 }, (_, level) => clamp(value(level)));

function histogram({ channels, pixels }: Image, channel: number): Uint32Array {
  const counts = new Uint32Array(256);
  for (let i = channel; i < pixels.length; i += channels) counts[pixels[i]!]!++;
  return counts;
}

/** Stretches each channel to the full range. */
export const autoContrast = (image: Image): Image =>
  mapped(image, (channel) => {
    const counts = histogram(image, channel);
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    return table((level) => (high > low ? (255 * (level - low)) / (high - low) : level));
  });

/** Histogram equalization of each channel. */
export const equalize = (image: Image): Image =>
  mapped(image, (channel) => {
    const counts = histogram(image, channel);
    const last = counts[counts.findLastIndex((count) => count > 0)] ?? 0;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const step = Math.floor((total - last) / 255);
    if (step === 0) return table((level) => level);
    let below = Math.floor(step / 2);
    const levels = Array.from(counts, (count) => {
      const level = Math.floor(below / step);
      below += count;
      return level;
    });
    return table((level) => levels[level]!);
  });

/** Inverts all values at or above the threshold. */
export const solarize = (threshold: number) => (image: Image) =>
  mapped(image, () => table((level) => (level < threshold ? level : 255 - level)));

/** Keeps the highest bits of every value. */
export const posterize = (bits: number) => (image: Image) =>
  mapped(image, () => table((level) => level & (0xff << (8 - bits))));

export const brightness = (factor: number) => (image: Image) => mapped(image, () => table((level) => factor * level));

/** Blends with the mean brightness of the image: toward it for factors below 1, away from it above. */
export const contrast = (factor: number) => (image: Image) => {
  const gray = luminance(image);
  const mean = Math.round(gray.reduce((sum, value) => sum + value, 0) / gray.length);
  return mapped(image, () => table((level) => mean + factor * (level - mean)));
};

/** Blends with the grayscale image; a gray image stays as it is. */
export const saturate =
  (factor: number) =>
  (image: Image): Image => {
    const { channels, pixels } = image;
    if (channels === 1) return image;
    const gray = luminance(image);
    return {
      ...image,
      pixels: pixels.map((value, i) => {
        const base = gray[Math.floor(i / channels)]!;
        return clamp(base + factor * (value - base));
      }),
    };
  };

/** Blends with a smoothed copy; the pixels at the border stay as they are. */
export const sharpen =
  (factor: number) =>
  (image: Image): Image => {
    const { width, height, channels, pixels } = image;
    const result = pixels.slice();
    const row = width * channels;
    for (let y = 1; y < height - 1; y++)
      for (let x = channels; x < row - channels; x++) {
        const at = y * row + x;
        let sum = 4 * pixels[at]!;
        for (let dy = -row; dy <= row; dy += row)
          for (let dx = -channels; dx <= channels; dx += channels) sum += pixels[at + dy + dx]!;
        const smooth = sum / 13;
        result[at] = clamp(smooth + factor * (pixels[at]! - smooth));
      }
    return { ...image, pixels: result };
  };

/** Luma by ITU-R 601-2, as in Pillow's conversion to gray. */
function luminance({ channels, pixels }: Image): Float32Array {
  if (channels === 1) return Float32Array.from(pixels);
  const gray = new Float32Array(pixels.length / channels);
  for (let i = 0; i < gray.length; i++) {
    const [red, green, blue] = [pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!];
    gray[i] = 0.299 * red + 0.587 * green + 0.114 * blue;
  }
  return gray;
}
