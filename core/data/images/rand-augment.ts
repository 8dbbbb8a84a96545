import type { Random } from '../../random';
import { warp, type Affine } from './affine';
import type { Image } from './image-set';
import * as tone from './tone';

/** An operation on a square image; it may return the image itself, but never changes it. */
export type Operation = (image: Image) => Image;

/** Strengths at magnitude 10 (Cubuk et al., 2020, after AutoAugment). */
const MOST = { degrees: 30, shear: 0.3, shift: 0.45, enhance: 0.9, posterizeBits: 4 } as const;

const move =
  (affine: Affine): Operation =>
  (image) =>
    warp(image, affine);

/**
 * The fourteen operations of RandAugment, each with a strength from 0 to 1, and a sign if it has two directions.
 * Brightness, sharpness and color change in both directions around 1.
 */
const OPERATIONS: readonly ((strength: number, sign: 1 | -1) => Operation)[] = [
  () => (image) => image,
  () => tone.autoContrast,
  () => tone.equalize,
  (strength, sign) => {
    const radians = (sign * strength * MOST.degrees * Math.PI) / 180;
    const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
    return move({ xx: cos, xy: sin, yx: -sin, yy: cos, right: 0, down: 0 });
  },
  (strength) => tone.solarize(Math.round(256 * (1 - strength))),
  (strength, sign) => tone.saturate(1 + sign * strength * MOST.enhance),
  (strength) => tone.posterize(8 - Math.round(strength * MOST.posterizeBits)),
  (strength, sign) => tone.contrast(1 + sign * strength * MOST.enhance),
  (strength, sign) => tone.brightness(1 + sign * strength * MOST.enhance),
  (strength, sign) => tone.sharpen(1 + sign * strength * MOST.enhance),
  (strength, sign) => move({ xx: 1, xy: sign * strength * MOST.shear, yx: 0, yy: 1, right: 0, down: 0 }),
  (strength, sign) => move({ xx: 1, xy: 0, yx: sign * strength * MOST.shear, yy: 1, right: 0, down: 0 }),
  (strength, sign) => move({ xx: 1, xy: 0, yx: 0, yy: 1, right: sign * strength * MOST.shift, down: 0 }),
  (strength, sign) => move({ xx: 1, xy: 0, yx: 0, yy: 1, right: 0, down: sign * strength * MOST.shift }),
];

/** Draws that many operations, independently. */
export function drawOperations(
  { randomOperations, randomMagnitude }: { readonly randomOperations: number; readonly randomMagnitude: number },
  random: Random,
): Operation[] {
  return Array.from({ length: randomOperations }, () => {
    const make = OPERATIONS[random.int(OPERATIONS.length)]!;
    return make(randomMagnitude / 10, random.int(2) === 1 ? 1 : -1);
  });
}

export const applyAll = (image: Image, operations: readonly Operation[]): Image =>
  operations.reduce((changed, operation) => operation(changed), image);
