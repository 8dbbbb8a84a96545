import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { partOfEach, sizeDraw, sizeShares } from '../../../core/methods/plrd/training/nested-draw';

const one = (settings: { shares?: number[] }) => ({ sizesPerStep: 'one' as const, ...settings });

const counts = (draw: (step: number) => number, sizes: number, from: number, to: number) => {
  const found = Array.from({ length: sizes }, () => 0);
  for (let step = from; step < to; step++) found[draw(step)]!++;
  return found;
};

describe('the sizes that training steps draw', () => {
  it('are drawn in proportion to their shares, over any stretch of steps', () => {
    for (const shares of [
      [1, 1, 1, 1],
      [1, 2, 3, 4],
      [5, 1],
    ])
      for (const seed of [0, 1, 7]) {
        const draw = sizeDraw(one({ shares }), shares.length, seed);
        const expected = sizeShares(one({ shares }), shares.length);
        for (const [from, to] of [
          [0, 40],
          [17, 117],
          [10_000, 10_200],
        ] as const)
          for (const [size, count] of counts(draw, shares.length, from, to).entries()) {
            const exact = expected[size]! * (to - from);
            assert.ok(Math.abs(count - exact) < 3, `${shares.join()} seed ${seed}: size ${size} ${count} for ${exact}`);
          }
      }
  });

  it('are equally likely if nothing is asked', () => {
    assert.deepEqual(sizeShares(one({}), 4), [0.25, 0.25, 0.25, 0.25]);
    assert.deepEqual(sizeShares(one({ shares: [3, 1] }), 2), [0.75, 0.25]);
  });

  it('depend on the seed and the step alone', () => {
    const [a, b, other] = [3, 3, 4].map((seed) => sizeDraw(one({}), 4, seed));
    const steps = Array.from({ length: 100 }, (_, step) => step);
    assert.deepEqual(steps.map(a!), [...steps].reverse().map(b!).reverse());
    assert.notDeepEqual(steps.map(a!), steps.map(other!));
  });

  it('is the only size of a family of one', () => {
    const draw = sizeDraw(one({}), 1, 0);
    assert.deepEqual(counts(draw, 1, 0, 50), [50]);
  });

  it('have parts of each step where that trains them all, the largest and the smallest more than others', () => {
    const all = { sizesPerStep: 'all' as const };
    assert.deepEqual(partOfEach(all, 4, 16), [6, 2, 2, 6]);
    assert.deepEqual(partOfEach(all, 4, 4), [1, 1, 1, 1]);
    assert.deepEqual(partOfEach({ ...all, shares: [1, 1, 1, 1] }, 4, 16), [4, 4, 4, 4]);
  });
});
