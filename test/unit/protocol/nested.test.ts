import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  amountOf,
  costOf,
  rankText,
  ranksWithin,
  sizeUnits,
  trainedSize,
  type NestedFacts,
} from '../../../core/protocol/nested';
import '../../fast-check';

/** Layers of any shape, and three sizes that lie within each other in any way. */
const facts = fc
  .array(
    fc.record({
      outputs: fc.integer({ min: 1, max: 4096 }),
      inputs: fc.integer({ min: 1, max: 4096 }),
      ranks: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 3, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((shapes): NestedFacts => {
    const layers = shapes.map(({ outputs, inputs }, i) => ({ name: `layer.${i}`, outputs, inputs }));
    const sizes = [0, 1, 2].map((at) =>
      Object.fromEntries(layers.map(({ name }, i) => [name, shapes[i]!.ranks.toSorted((a, b) => b - a)[at]!])),
    );
    const full = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 1000);
    const fixed = { fixedParameters: 12_345, fixedLinear: 345, fullLinear: full, fixedFlops: 54_321 };
    return { layers, sizes, ...fixed, context: 64 };
  });
const unit = fc.constantFrom(...sizeUnits);
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** An amount between those of the smallest and the largest size. */
function amountAt(of: NestedFacts, by: (typeof sizeUnits)[number], position: number): number {
  const [most, least] = [of.sizes[0]!, of.sizes.at(-1)!].map((ranks) => amountOf(by, costOf(of, ranks))) as [
    number,
    number,
  ];
  const amount = Math.min(most, least + position * (most - least));
  // Whole parameters, so that a rounded quotient does not decide.
  return by === 'size' ? Math.floor(amount * of.fullLinear * (1 + 1e-12)) / of.fullLinear : Math.floor(amount);
}

describe('The sizes of a nested model', () => {
  it('stay within the budget and between the trained sizes around it, and no layer could have one rank more in turn', () => {
    fc.assert(
      fc.property(facts, unit, share, (of, by, position) => {
        const budget = amountAt(of, by, position);
        const ranks = ranksWithin(of, by, budget)!;
        const amount = amountOf(by, costOf(of, ranks));
        assert.ok(amount <= budget * (1 + 2e-12), `${amount} is above ${budget}`);
        const at = of.sizes.findIndex((size) => amountOf(by, costOf(of, size)) <= budget * (1 + 2e-12));
        const [large, small] = [of.sizes[Math.max(0, at - 1)]!, of.sizes[at]!];
        for (const { name } of of.layers) {
          assert.ok(ranks[name]! >= small[name]! && ranks[name]! <= large[name]!, name);
          // In proportion: no layer is more than a rank ahead of another.
          const [from, to] = [small[name]!, large[name]!];
          for (const { name: other } of of.layers) {
            const [first, last] = [small[other]!, large[other]!];
            if (to === from || last === first) continue;
            const ahead = (ranks[name]! - 1 - from) / (to - from);
            assert.ok(ahead <= (ranks[other]! + 1 - first) / (last - first) + 1e-9, `${name} before ${other}`);
          }
        }
        // Whatever is left is less than the largest step of one rank.
        const step = Math.max(...of.layers.map(({ outputs, inputs }) => outputs + inputs));
        if (trainedSize(of, ranks) !== 0) {
          const cost = (one: number) =>
            amountOf(by, {
              ...costOf(of, ranks),
              linearShare: one / of.fullLinear,
              parameters: one,
              flopsPerToken: 2 * one,
            });
          assert.ok(budget - amount <= cost(step) * (1 + 1e-9));
        }
      }),
    );
  });

  it('lie within each other: a larger budget takes no rank away', () => {
    fc.assert(
      fc.property(facts, unit, share, share, (of, by, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)].map((at) => ranksWithin(of, by, amountAt(of, by, at))!);
        for (const { name } of of.layers) assert.ok(small![name]! <= large![name]!, name);
      }),
    );
  });

  it('are the trained ones exactly where these are asked for, whatever they are asked for by', () => {
    fc.assert(
      fc.property(facts, unit, (of, by) => {
        for (const size of of.sizes) {
          const found = ranksWithin(of, by, amountOf(by, costOf(of, size)))!;
          assert.deepEqual(found, size);
          assert.ok(trainedSize(of, found) >= 0);
        }
      }),
    );
  });

  it('are found again by their parameters', () => {
    fc.assert(
      fc.property(facts, share, (of, at) => {
        const ranks = ranksWithin(of, 'size', amountAt(of, 'size', at))!;
        assert.deepEqual(ranksWithin(of, 'parameters', costOf(of, ranks).parameters), ranks);
      }),
    );
  });

  it('end at the smallest and the largest', () => {
    const layers = [{ name: 'a', outputs: 10, inputs: 20 }];
    const of = {
      ...{ layers, sizes: [{ a: 8 }, { a: 4 }], fixedParameters: 100, fixedLinear: 0, fullLinear: 200 },
      ...{ fixedFlops: 50, context: 1 },
    };
    assert.equal(ranksWithin(of, 'parameters', 100 + 4 * 30 - 1), undefined);
    assert.deepEqual(ranksWithin(of, 'parameters', 100 + 6 * 30 + 29), { a: 6 });
    assert.deepEqual(ranksWithin(of, 'flops', 50 + 2 * 5 * 30), { a: 5 });
    assert.deepEqual(ranksWithin(of, 'size', 1e9), { a: 8 });
    assert.deepEqual(costOf(of, { a: 6 }), { parameters: 280, linear: 180, linearShare: 0.9, flopsPerToken: 410 });
    assert.deepEqual([rankText({ a: 6 }), rankText({ a: 6, b: 9 })], ['6', '6–9']);
  });
});
