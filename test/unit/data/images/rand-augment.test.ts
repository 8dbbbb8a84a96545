import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { warp } from '../../../../core/data/images/affine';
import type { Image } from '../../../../core/data/images/image-set';
import { applyAll, drawOperations } from '../../../../core/data/images/rand-augment';
import * as tone from '../../../../core/data/images/tone';
import { drawCut, regionOf } from '../../../../core/data/images/view';
import { Random } from '../../../../core/random';

const gray = (...pixels: number[]): Image => ({
  width: 3,
  height: pixels.length / 3,
  channels: 1,
  pixels: Uint8Array.from(pixels),
});
const IMAGE = gray(10, 20, 30, 40, 50, 60, 70, 80, 90);
const pixelsOf = ({ pixels }: Image) => [...pixels];

describe('operations on images', () => {
  it('move, turn and shear', () => {
    const still = { xx: 1, xy: 0, yx: 0, yy: 1, right: 0, down: 0 };
    assert.deepEqual(pixelsOf(warp(IMAGE, still)), pixelsOf(IMAGE));
    assert.deepEqual(pixelsOf(warp(IMAGE, { ...still, right: 1 / 3 })), [20, 30, 0, 50, 60, 0, 80, 90, 0]);
    assert.deepEqual(pixelsOf(warp(IMAGE, { ...still, down: -1 / 3 })), [0, 0, 0, 10, 20, 30, 40, 50, 60]);
    assert.deepEqual(pixelsOf(warp(IMAGE, { ...still, right: 0.5 / 3 })), [15, 25, 15, 45, 55, 30, 75, 85, 45]);
    // A quarter turn.
    assert.deepEqual(
      pixelsOf(warp(IMAGE, { ...still, xx: 0, xy: 1, yx: -1, yy: 0 })),
      [70, 40, 10, 80, 50, 20, 90, 60, 30],
    );
    assert.deepEqual(pixelsOf(warp(IMAGE, { ...still, xy: 1 })), [0, 10, 20, 40, 50, 60, 80, 90, 0]);
  });

  it('change tones', () => {
    assert.deepEqual(pixelsOf(tone.autoContrast(gray(10, 60, 110))), [0, 128, 255]);
    assert.deepEqual(pixelsOf(tone.autoContrast(gray(7, 7, 7))), [7, 7, 7]);
    assert.deepEqual(pixelsOf(tone.solarize(100)(gray(0, 99, 100))), [0, 99, 155]);
    assert.deepEqual(pixelsOf(tone.posterize(4)(gray(15, 16, 255))), [0, 16, 240]);
    assert.deepEqual(pixelsOf(tone.brightness(1.5)(gray(0, 100, 200))), [0, 150, 255]);
    assert.deepEqual(pixelsOf(tone.contrast(0.5)(gray(0, 100, 200))), [50, 100, 150]);
    assert.deepEqual(pixelsOf(tone.sharpen(1)(IMAGE)), pixelsOf(IMAGE));
    // The smoothed middle is (8 neighbors + 5 times itself) / 13.
    assert.equal(tone.sharpen(0)(gray(0, 0, 0, 0, 130, 0, 0, 0, 0)).pixels[4], 50);
    const flatTones = tone.equalize({
      ...IMAGE,
      width: 510,
      height: 1,
      pixels: Uint8Array.from({ length: 510 }, (_, i) => i % 255),
    });
    assert.deepEqual([...new Set(flatTones.pixels)].sort((a, b) => a - b).at(-1), 255);
    const color: Image = { width: 1, height: 1, channels: 3, pixels: Uint8Array.from([200, 100, 0]) };
    const base = 0.299 * 200 + 0.587 * 100;
    assert.deepEqual(pixelsOf(tone.saturate(0)(color)), Array(3).fill(Math.round(base)));
    assert.deepEqual(pixelsOf(tone.saturate(1)(color)), [200, 100, 0]);
  });

  it('are drawn by a seed, all of them in time, and leave the image itself alone', () => {
    const before = pixelsOf(IMAGE);
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const draw = () => applyAll(IMAGE, drawOperations({ randomOperations: 1, randomMagnitude: 9 }, new Random(seed)));
      assert.deepEqual(pixelsOf(draw()), pixelsOf(draw()));
      seen.add(pixelsOf(draw()).join());
    }
    assert.ok(seen.size >= 15, `${seen.size} different results`);
    assert.deepEqual(pixelsOf(IMAGE), before);
    assert.deepEqual(drawOperations({ randomOperations: 0, randomMagnitude: 9 }, new Random(1)), []);
  });
});

describe('a view of an image', () => {
  it('is the largest square in the middle, or a random cut inside it', () => {
    assert.deepEqual(regionOf({ side: 4 }, 10, 6), { left: 2, top: 0, width: 6, height: 6 });
    assert.equal(drawCut(1, new Random(1)), undefined);
    const areas: number[] = [];
    for (let seed = 0; seed < 300; seed++) {
      const cut = drawCut(0.2, new Random(seed))!;
      const { left, top, width, height } = regionOf({ side: 4, cut }, 300, 200);
      assert.ok(left >= 0 && top >= 0 && left + width <= 300 && top + height <= 200 && width > 0 && height > 0);
      areas.push((width * height) / 60_000);
    }
    assert.ok(Math.min(...areas) > 0.18 && Math.min(...areas) < 0.25 && Math.max(...areas) > 0.8);
  });
});
