import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { Permutation } from '../../../core/data/permutation';
import { Random } from '../../../core/random';

describe('Random', () => {
  it('gives the same numbers for the same seeds and others for other seeds', () => {
    const first = (...seeds: number[]) =>
      Array.from(
        { length: 4 },
        (
          (random) => () =>
            random.uint32()
        )(new Random(...seeds)),
      );
    assert.deepEqual(first(7, 3), first(7, 3));
    const streams = [[], [0], [1], [0, 0], [0, 1], [1, 0], [2 ** 32], [2 ** 40 + 1]].map((seeds) =>
      first(...seeds).join(),
    );
    assert.equal(new Set(streams).size, streams.length);
  });

  it('continues from its state with the same numbers', () => {
    const random = new Random(5);
    for (let i = 0; i < 10; i += 1) random.normal();
    const copy = Random.fromState(random.state());
    for (let i = 0; i < 10; i += 1) assert.equal(copy.normal(), random.normal());
  });

  it('is uniform in [0, 1)', () => {
    const random = new Random(1);
    const bins = new Int32Array(16);
    for (let i = 0; i < 160_000; i += 1) bins[Math.floor(random.uniform() * 16)]! += 1;
    const chiSquare = bins.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    assert.ok(chiSquare < 37.7, `chi-square ${chiSquare} is beyond its 99.9 % quantile for 15 degrees of freedom`);
  });

  it('draws normal numbers with the moments of the normal distribution', () => {
    const random = new Random(2);
    const values = Array.from({ length: 100_000 }, () => random.normal());
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
    assert.ok(Math.abs(moment(1)) < 0.02);
    assert.ok(Math.abs(moment(2) - 1) < 0.03);
    assert.ok(Math.abs(moment(3)) < 0.06);
    assert.ok(Math.abs(moment(4) - 3) < 0.2);
  });

  it('draws integers below a bound, all of them', () => {
    const random = new Random(3);
    const seen = new Set(Array.from({ length: 500 }, () => random.int(7)));
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6]);
    assert.throws(() => random.int(0), RangeError);
    assert.throws(() => random.int(2 ** 32 + 1), RangeError);
  });

  it('shuffles into every order about equally often', () => {
    const random = new Random(4);
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i += 1) {
      const order = random.shuffle([0, 1, 2]).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    assert.equal(orders.size, 6);
    for (const count of orders.values()) assert.ok(Math.abs(count - 1000) < 130);
  });
});

describe('Permutation', () => {
  it('is a bijection for every size and seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.integer(), fc.nat(), (size, seed, epoch) => {
        const order = new Permutation(size, seed, epoch);
        const images = new Set(Array.from({ length: size }, (_, i) => order.at(i)));
        assert.equal(images.size, size);
        for (const image of images) assert.ok(Number.isInteger(image) && image >= 0 && image < size);
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  it('works at sizes beyond 32 bits', () => {
    const order = new Permutation(2 ** 45 + 3, 1);
    const images = Array.from({ length: 1000 }, (_, i) => order.at(i));
    assert.equal(new Set(images).size, 1000);
    assert.ok(Math.max(...images) > 2 ** 44 && Math.max(...images) < 2 ** 45 + 3);
  });

  it('depends on each of its seeds and leaves few numbers in place', () => {
    const images = (...seeds: number[]) => Array.from({ length: 500 }, (_, i) => new Permutation(500, ...seeds).at(i));
    assert.notDeepEqual(images(1, 0), images(1, 1));
    assert.notDeepEqual(images(1, 0), images(2, 0));
    assert.ok(images(1, 0).filter((image, i) => image === i).length < 10);
    const rising = images(1, 0).filter((image, i, all) => i > 0 && image > all[i - 1]!).length;
    assert.ok(Math.abs(rising - 250) < 50, `${rising} of 499 neighbors rise`);
  });

  it('rejects an index outside', () => {
    assert.throws(() => new Permutation(3, 0).at(3), RangeError);
    assert.throws(() => new Permutation(3, 0).at(-1), RangeError);
  });
});
