import type { Random } from '../../random';
import type { AugmentConfig } from './config';

/** Images and label distributions of a batch; changed in place. */
export interface MixedBatch {
  readonly batch: number;
  readonly channels: number;
  readonly side: number;
  readonly classes: number;
  /** [batch, channels, side, side] */
  readonly images: Float32Array;
  /** [batch, classes], rows that sum to one. */
  readonly targets: Float32Array;
}

/**
 * Mixes each image of a batch with its counterpart from the other end (the first with the last), by Mixup (Zhang et
 * al., 2018) or CutMix (Yun et al., 2019), whichever is drawn; the labels are mixed in the same proportion.
 */
export function mix(
  { batch, channels, side, classes, images, targets }: MixedBatch,
  { mixup, cutmix, mixProbability }: AugmentConfig,
  random: Random,
): void {
  if ((mixup === 0 && cutmix === 0) || random.uniform() >= mixProbability) return;
  const cuts = cutmix > 0 && (mixup === 0 || random.int(2) === 1);
  const alpha = cuts ? cutmix : mixup;
  const drawn = beta(alpha, random);
  const pixels = channels * side * side;
  const blend = (values: Float32Array, width: number, share: number) => {
    const original = values.slice();
    for (let i = 0; i < batch; i++)
      for (let j = 0; j < width; j++) {
        const at = i * width + j;
        values[at] = share * original[at]! + (1 - share) * original[(batch - 1 - i) * width + j]!;
      }
  };
  if (!cuts) {
    blend(images, pixels, drawn);
    blend(targets, classes, drawn);
    return;
  }
  const original = images.slice();
  const { left, top, right, bottom } = rectangle(side, Math.sqrt(1 - drawn), random);
  for (let i = 0; i < batch; i++)
    for (let channel = 0; channel < channels; channel++)
      for (let y = top; y < bottom; y++) {
        const row = channel * side * side + y * side;
        const from = (batch - 1 - i) * pixels + row;
        images.set(original.subarray(from + left, from + right), i * pixels + row + left);
      }
  // The part of the rectangle outside the image does not count.
  blend(targets, classes, 1 - ((right - left) * (bottom - top)) / (side * side));
}

/** A rectangle around a random point, with the given share of each side, clipped to the image. */
function rectangle(side: number, share: number, random: Random) {
  const half = Math.floor((share * side) / 2);
  const [x, y] = [random.int(side), random.int(side)];
  const inside = (value: number) => Math.min(Math.max(value, 0), side);
  return { left: inside(x - half), top: inside(y - half), right: inside(x + half), bottom: inside(y + half) };
}

/** A draw from Beta(alpha, alpha), from two gamma variates. */
function beta(alpha: number, random: Random): number {
  const [a, b] = [gamma(alpha, random), gamma(alpha, random)];
  return a + b > 0 ? a / (a + b) : 0.5;
}

/** Gamma(shape, 1) by Marsaglia and Tsang (2000); a shape below one is derived from shape + 1. */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
