import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { familyRanks } from '../../../core/methods/plrd/allocation/family-ranks';
import { allocateRanks, lowerHull, type LayerSize, type LayerSizes } from '../../../core/methods/plrd/allocation/hull';
import { sizesOf, type Sensitivity } from '../../../core/methods/plrd/allocation/sensitivity';
import { breakEven, possibleRanks, type Ranks } from '../../../core/methods/plrd/allocation/ranks';
import type { LinearLayer } from '../../../core/models/decoder/layout';

const layerOf = (name: string, outputs: number, inputs: number): LinearLayer => ({
  name,
  layer: 0,
  kind: 'q',
  outputs,
  inputs,
  bias: false,
});

const size = (rank: number | undefined, cost: number, loss: number): LayerSize => ({ rank, cost, loss });

/** Losses that fall with the rank, but along no convex curve. */
const layerSizes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 20 })), { minLength: 1, maxLength: 4 })
  .map((steps) => {
    let [cost, loss] = [0, 100];
    return steps.map(([more, less], i) => size(i + 1, (cost += more), (loss -= less)));
  });

/** The least loss of all combinations within a budget; undefined if none fits. */
function best(layers: readonly LayerSizes[], budget: number): number | undefined {
  const [first, ...others] = layers;
  if (!first) return 0;
  const losses = first.sizes.flatMap(({ cost, loss }) => {
    const rest = cost <= budget ? best(others, budget - cost) : undefined;
    return rest === undefined ? [] : [loss + rest];
  });
  return losses.length === 0 ? undefined : Math.min(...losses);
}

const chosen = (layers: readonly LayerSizes[], ranks: Ranks) =>
  layers.map(({ layer, sizes }) => sizes.find(({ rank }) => rank === ranks[layer.name])!);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('allocateRanks', () => {
  it('stays within the budget, and is as good as all combinations up to one step of one layer', () => {
    fc.assert(
      fc.property(
        fc.array(layerSizes, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 60 }),
        (all, budget) => {
          const layers = all.map((sizes, i) => ({ layer: { name: `layer ${i}` }, sizes }));
          const least = best(layers, budget);
          if (least === undefined) {
            assert.throws(() => allocateRanks(layers, budget), { code: 'plrd.target-too-small' });
            return;
          }
          const sizes = chosen(layers, allocateRanks(layers, budget));
          assert.ok(sum(sizes.map(({ cost }) => cost)) <= budget);
          const step = Math.max(
            0,
            ...layers.flatMap((layer) => {
              const hull = lowerHull(layer.sizes);
              return hull.slice(1).map(({ loss }, i) => hull[i]!.loss - loss);
            }),
          );
          assert.ok(sum(sizes.map(({ loss }) => loss)) <= least + step);
        },
      ),
      { numRuns: 300, seed: 5 },
    );
  });

  it('finds the best where the budget ends at a step of the hull', () => {
    const layers = [
      { layer: { name: 'a' }, sizes: [size(1, 1, 10), size(2, 2, 4), size(3, 3, 3)] },
      { layer: { name: 'b' }, sizes: [size(1, 2, 10), size(2, 4, 2), size(undefined, 6, 0)] },
    ];
    assert.deepEqual(allocateRanks(layers, 3), { a: 1, b: 1 });
    assert.deepEqual(allocateRanks(layers, 4), { a: 2, b: 1 });
    assert.deepEqual(allocateRanks(layers, 6), { a: 2, b: 2 });
    assert.deepEqual(allocateRanks(layers, 9), { a: 3 });
  });

  it('gives what remains to the best change that fits, off the hull too', () => {
    const layers = [{ layer: { name: 'a' }, sizes: [size(1, 1, 10), size(2, 2, 9), size(3, 9, 0)] }];
    assert.deepEqual(
      lowerHull(layers[0]!.sizes).map(({ rank }) => rank),
      [1, 3],
    );
    assert.deepEqual(allocateRanks(layers, 8), { a: 2 });
  });
});

describe('the sizes of a layer', () => {
  const layer = layerOf('a', 32, 32);
  const tails = Float64Array.from({ length: 33 }, (_, rank) => 1 - rank / 32);
  const sensitivity = (measured: Sensitivity['measured']): Sensitivity => ({
    layer,
    current: undefined,
    tails,
    measured,
  });

  it('are multiples below the rank at which nothing is saved, or the full layer', () => {
    assert.deepEqual(possibleRanks(layer, undefined, 4), [4, 8, 12]);
    assert.deepEqual(possibleRanks(layer, 9, 4), [4, 8]);
    assert.deepEqual(possibleRanks(layer, undefined, 16), []);
    assert.deepEqual(possibleRanks(layerOf('row', 1, 50), undefined, 1), []);
    const { sizes } = sizesOf(sensitivity([{ rank: 8, loss: 0.3 }]), undefined, 4);
    assert.deepEqual(
      sizes.map(({ rank, cost }) => [rank, cost]),
      [
        [4, 256],
        [8, 512],
        [12, 768],
        [undefined, 1024],
      ],
    );
  });

  it('cost what was measured, between two in proportion to the tail energy, and a larger rank no more', () => {
    const losses = (measured: Sensitivity['measured']) =>
      sizesOf(sensitivity(measured), undefined, 4).sizes.map(({ loss }) => Number(loss.toFixed(6)));
    // The tail of rank 32 is 0, that of 12 is 20/32, that of 8 is 24/32, that of 4 is 28/32.
    assert.deepEqual(losses([{ rank: 8, loss: 0.3 }]), [0.35, 0.3, 0.25, 0]);
    assert.deepEqual(
      losses([
        { rank: 4, loss: 0.5 },
        { rank: 12, loss: 0.1 },
      ]),
      [0.5, 0.3, 0.1, 0],
    );
    // Noise: more rank cannot have cost more, and a truncation cannot have helped.
    assert.deepEqual(
      losses([
        { rank: 4, loss: 0.1 },
        { rank: 8, loss: 0.2 },
        { rank: 12, loss: -0.1 },
      ]),
      [0.2, 0.2, 0, 0],
    );
    assert.deepEqual(losses([]), [0, 0, 0, 0]);
  });

  it('end at the rank of the size before, also one that is no multiple', () => {
    const { sizes } = sizesOf({ ...sensitivity([{ rank: 8, loss: 0.3 }]), current: 11 }, 11, 4);
    assert.deepEqual(
      sizes.map(({ rank }) => rank),
      [4, 8, 11],
    );
  });
});

describe('the ranks of a family', () => {
  const layers = [layerOf('a', 256, 256), layerOf('b', 128, 256), layerOf('c', 704, 256), layerOf('d', 256, 704)];
  const full = sum(layers.map(({ outputs, inputs }) => outputs * inputs));
  const costOf = (ranks: Ranks) =>
    sum(
      layers.map(({ name, outputs, inputs }) =>
        ranks[name] === undefined ? outputs * inputs : ranks[name] * (outputs + inputs),
      ),
    );

  it('never rise from one size to the next, and keep to the budget', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 4, 8, 16), (seed, multiple) => {
        const random = (i: number, j: number) => (((seed + 1) * (i * 31 + j * 17 + 7)) % 97) / 97;
        const sensitivities = layers.map((layer, i): Sensitivity => {
          const most = Math.min(layer.outputs, layer.inputs);
          const tails = Float64Array.from(
            { length: most + 1 },
            (_, rank) => (1 - rank / most) ** (1 + 3 * random(i, 0)),
          );
          const ranks = possibleRanks(layer, undefined, multiple);
          const at = [...new Set([0.2, 0.5, 0.8].map((share) => ranks[Math.floor(share * ranks.length)]!))];
          return {
            layer,
            current: undefined,
            tails,
            measured: at.map((rank, j) => ({ rank, loss: random(i, j + 1) * tails[rank]! })),
          };
        });
        const spectra = new Map(
          layers.map(({ name, outputs, inputs }, i) => [
            name,
            Float64Array.from({ length: Math.min(outputs, inputs) }, (_, k) => (k + 1) ** -random(i, 9)),
          ]),
        );
        const sizes = [0.9, 0.8, 0.65, 0.5, 0.4, 0.21].map((ratio) => ({ ratio, rank: undefined }));
        for (const allocation of ['uniform', 'energy', 'sensitivity'] as const) {
          const tables = familyRanks({ spectra, sensitivities }, {}, layers, sizes, { allocation, multiple });
          for (const [i, ranks] of tables.entries()) {
            if (allocation !== 'uniform') assert.ok(costOf(ranks) <= sizes[i]!.ratio * full, `${allocation} ${i}`);
            for (const { name, outputs, inputs } of layers) {
              const now = ranks[name] ?? Infinity;
              assert.ok(now <= (tables[i - 1]?.[name] ?? Infinity), `${allocation} ${name}`);
              if (now !== Infinity)
                assert.ok(now % multiple === 0 && now <= breakEven({ outputs, inputs } as LinearLayer));
            }
          }
        }
      }),
      { numRuns: 40, seed: 3 },
    );
  });
});
