import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EvaluationImages, TrainingImages } from '../../../../core/data/images/batches';
import { AugmentConfig } from '../../../../core/data/images/config';
import { bytesAsImages } from '../../../../core/data/images/idx';
import type { ImageSet } from '../../../../core/data/images/image-set';
import { mix } from '../../../../core/data/images/mix';
import { CENTERED, measureNormalization, writePixels } from '../../../../core/data/images/pixels';
import { Prefetch } from '../../../../core/data/prefetch';
import { Random } from '../../../../core/random';

/** Eleven images of 2 x 2 pixels, each all of one brightness: its number times ten. */
const NAMES = { classes: ['even', 'odd', 'never'], label: (index: number) => index % 2, name: String };
const SET: ImageSet = bytesAsImages(
  Uint8Array.from({ length: 44 }, (_, i) => 10 * Math.floor(i / 4)),
  { width: 2, height: 2, channels: 1, ...NAMES },
);
const PLAIN = { mean: [0], deviation: [1 / 255] };
const options = (augment: object = {}, seed = 3) => ({
  batchSize: 3,
  side: 2,
  normalization: PLAIN,
  augment: AugmentConfig.parse({ labelSmoothing: 0, ...augment }),
  seed,
});

describe('batches of images', () => {
  it('hold every image at most once an epoch, in another order each time, and the same for a seed', async () => {
    const train = new TrainingImages(SET, options());
    assert.equal(train.batchesPerEpoch, 3);
    const orders: string[] = [];
    for (const epoch of [0, 1]) {
      const seen: number[] = [];
      for (let i = 0; i < 3; i++) {
        const { images, targets, indices } = await train.batch(epoch * 3 + i);
        seen.push(...indices);
        indices.forEach((index, row) => {
          assert.equal(Math.round(images.data[row * 4]!), 10 * index);
          assert.deepEqual([...targets.data.subarray(row * 3, row * 3 + 3)], index % 2 === 0 ? [1, 0, 0] : [0, 1, 0]);
        });
      }
      assert.equal(new Set(seen).size, 9);
      orders.push(seen.join());
    }
    assert.notEqual(orders[0], orders[1]);
    const again = await new TrainingImages(SET, options()).batch(4);
    assert.deepEqual(again, await train.batch(4));
    assert.notDeepEqual(again.indices, (await new TrainingImages(SET, options({}, 4)).batch(4)).indices);
    assert.throws(() => new TrainingImages(SET, { ...options(), batchSize: 12 }), RangeError);
  });

  it('spread a share of each label over all classes', async () => {
    const { targets, indices } = await new TrainingImages(SET, options({ labelSmoothing: 0.3 })).batch(0);
    const row = [...targets.data.subarray(0, 3)].map((value) => value.toFixed(2));
    assert.deepEqual(row, indices[0]! % 2 === 0 ? ['0.80', '0.10', '0.10'] : ['0.10', '0.80', '0.10']);
  });

  it('of evaluation hold every image once, and rows that do not count after the last', async () => {
    const held = new EvaluationImages(SET, { batchSize: 4, side: 2, normalization: PLAIN });
    assert.equal(held.count, 3);
    const { labels, images } = await held.batch(2);
    assert.deepEqual([...labels.data], [0, 1, 0, -1]);
    assert.deepEqual([...images.data.subarray(12)], [0, 0, 0, 0]);
  });
});

describe('pixels', () => {
  const image = {
    width: 2,
    height: 2,
    channels: 3,
    pixels: Uint8Array.from([10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0]),
  };
  const draw = (placement: object) => {
    const target = new Float32Array(12);
    const plain = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] };
    writePixels(image, plain, { ...CENTERED, ...placement }, target);
    return [...target].map(Math.round);
  };

  it('are written one channel after another, shifted and mirrored, with black around', () => {
    assert.deepEqual(draw({}), [10, 40, 0, 0, 20, 50, 0, 0, 30, 60, 0, 0]);
    assert.deepEqual(draw({ mirrored: true }), [40, 10, 0, 0, 50, 20, 0, 0, 60, 30, 0, 0]);
    assert.deepEqual(draw({ right: 1, down: 1 }), [0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 30]);
    assert.deepEqual(draw({ right: -1 }), [40, 0, 0, 0, 50, 0, 0, 0, 60, 0, 0, 0]);
  });

  it('have mean zero and deviation one in every channel after normalization', async () => {
    const random = new Random(4);
    const bytes = Uint8Array.from({ length: 40 * 12 }, (_, i) => random.int(100) + 50 * (i % 3));
    const set = bytesAsImages(bytes, { width: 2, height: 2, channels: 3, ...NAMES });
    const normalization = await measureNormalization(set, 2);
    const target = new Float32Array(12);
    const values: number[][] = [[], [], []];
    for (let i = 0; i < set.size; i++) {
      writePixels(await set.read(i, { side: 2 }), normalization, CENTERED, target);
      target.forEach((value, at) => values[Math.floor(at / 4)]!.push(value));
    }
    for (const channel of values) {
      const mean = channel.reduce((sum, value) => sum + value, 0) / channel.length;
      const variance = channel.reduce((sum, value) => sum + (value - mean) ** 2, 0) / channel.length;
      assert.ok(Math.abs(mean) < 1e-4 && Math.abs(variance - 1) < 1e-3, `${mean} ${variance}`);
    }
  });
});

describe('mixed images', () => {
  const SIDE = 8;
  const batchOf = (batch: number) => ({
    batch,
    channels: 2,
    side: SIDE,
    classes: batch,
    images: Float32Array.from({ length: batch * 2 * SIDE * SIDE }, (_, i) => Math.floor(i / (2 * SIDE * SIDE))),
    targets: Float32Array.from({ length: batch * batch }, (_, i) => (i % (batch + 1) === 0 ? 1 : 0)),
  });
  const shareOf = (kind: object, seed: number) => {
    const batch = batchOf(4);
    mix(batch, AugmentConfig.parse(kind), new Random(seed));
    return batch;
  };

  for (const [name, kind] of [
    ['Mixup', { mixup: 0.8 }],
    ['CutMix', { cutmix: 1 }],
  ] as const)
    it(`${name}: labels are mixed by the share of the pixels`, () => {
      const shares: number[] = [];
      for (let seed = 0; seed < 50; seed++) {
        const { images, targets } = shareOf(kind, seed);
        for (let i = 0; i < 4; i++) {
          const row = targets.subarray(i * 4, i * 4 + 4);
          assert.ok(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-6);
          // The brightness is the number of the image: its mean says how much of which is there.
          const pixels = images.subarray(i * 2 * SIDE * SIDE, (i + 1) * 2 * SIDE * SIDE);
          const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
          const expected = row[i]! * i + row[3 - i]! * (3 - i);
          assert.ok(Math.abs(mean - expected) < 1e-4, `${mean} ${expected}`);
          shares.push(row[i]!);
        }
      }
      assert.ok(Math.min(...shares) < 0.6 && Math.max(...shares) > 0.7);
    });

  it('are left alone where nothing is asked for, and in the batches that are not drawn', () => {
    assert.deepEqual(shareOf({}, 1), batchOf(4));
    assert.deepEqual(shareOf({ mixup: 1, mixProbability: 0 }, 1), batchOf(4));
    const mixed = Array.from({ length: 200 }, (_, seed) => shareOf({ mixup: 1, mixProbability: 0.3 }, seed)).filter(
      ({ targets }) => targets[0] !== 1,
    );
    assert.ok(mixed.length > 35 && mixed.length < 90, String(mixed.length));
  });
});

describe('things made ahead', () => {
  it('are made once, in order, and never more than asked for', async () => {
    const made: number[] = [];
    const prefetch = new Prefetch((number) => Promise.resolve(made.push(number)), 2, 6);
    for (let number = 0; number < 6; number++) {
      await prefetch.take(number);
      assert.ok(made.length <= number + 3);
    }
    assert.deepEqual(made, [0, 1, 2, 3, 4, 5]);
    assert.ok(prefetch.waitingShare >= 0 && prefetch.waitingShare <= 1);
  });

  it('tell a failure to whoever takes what failed, and go on', async () => {
    const prefetch = new Prefetch(
      (number) => (number === 1 ? Promise.reject(new Error('one')) : Promise.resolve(number)),
      3,
    );
    assert.equal(await prefetch.take(0), 0);
    await assert.rejects(prefetch.take(1), { message: 'one' });
    assert.equal(await prefetch.take(2), 2);
  });
});
