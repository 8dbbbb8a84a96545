import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import {
  breakEven,
  decomposable,
  energyRanks,
  evenRanks,
  notAbove,
  ratioFor,
  scheduleRatios,
  uniformRanks,
} from '../../../core/methods/plrd/allocation/ranks';
import { countParameters, linearLayers, type LinearLayer } from '../../../core/models/decoder/layout';
import { tinyConfig } from '../models/tiny';

const parent = tinyConfig({ hidden_size: 64, intermediate_size: 96, num_hidden_layers: 3 });
const layers = linearLayers(parent);
const cost = (layer: LinearLayer, rank: number) => rank * (layer.outputs + layer.inputs);
const fullSize = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
const ranksOf = (rank: number, of: readonly LinearLayer[] = layers) =>
  Object.fromEntries(of.map(({ name }) => [name, rank]));

describe('decomposable', () => {
  const settings = PlrdConfig.parse({}).layers;

  it('takes the kinds and blocks that a spec asks for', () => {
    assert.equal(decomposable(parent, settings).length, 21);
    const some = decomposable(parent, { kinds: ['down', 'q'], skipBlocks: [0, 2] });
    assert.deepEqual(
      some.map(({ name }) => name),
      ['model.layers.1.self_attn.q_proj', 'model.layers.1.mlp.down_proj'],
    );
  });

  it('refuses to leave nothing', () => {
    assert.throws(() => decomposable(parent, { ...settings, skipBlocks: [0, 1, 2] }), { code: 'plrd.no-layers' });
  });
});

describe('scheduleRatios', () => {
  const ratios = (schedule: unknown, decoder = parent, of = layers) =>
    scheduleRatios(PlrdConfig.parse({ schedule }), decoder, of);

  it('takes ratios as they are', () => {
    assert.deepEqual(ratios({ values: [0.9, 0.5] }), [0.9, 0.5]);
  });

  it('turns numbers of parameters into the ratio that has them', () => {
    const { total, linear } = countParameters(parent);
    const [ratio] = ratios({ by: 'parameters', values: [total - linear / 2] });
    assert.ok(Math.abs(ratio! - 0.5) < 1e-12);
    const mlp = layers.filter(({ kind }) => kind === 'up');
    const size = mlp.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
    assert.ok(Math.abs(ratioFor(total - size / 4, parent, mlp) - 0.75) < 1e-12);
  });

  it('counts what was factored before and is not to be factored now at its present size', () => {
    const isMlp = ({ kind }: LinearLayer) => kind === 'up';
    const mlp = layers.filter(isMlp);
    const member = {
      ...parent,
      ranks: ranksOf(
        4,
        layers.filter((layer) => !isMlp(layer)),
      ),
    };
    const size = mlp.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
    assert.ok(Math.abs(ratioFor(countParameters(member).total - size / 2, member, mlp) - 0.5) < 1e-12);
  });

  it('turns a rank into the share that it keeps, layers that it does not make smaller counting in full', () => {
    const [ratio] = ratios({ by: 'rank', values: [16] });
    const kept = countParameters({ ...parent, ranks: evenRanks(layers, { ratio: ratio!, rank: 16 }, 8) }).linear;
    assert.ok(Math.abs(ratio! - kept / fullSize) < 1e-12);
  });

  it('refuses sizes that are out of order, too large, too small or no ranks', () => {
    const refuse = (schedule: unknown, code: string, message: RegExp, decoder = parent) => {
      assert.throws(() => ratios(schedule, decoder), { name: 'UserError', code, message });
    };
    refuse({ values: [0.5, 0.5] }, 'plrd.schedule', /member 2 \(0\.5\) is not smaller than the member before/);
    refuse({ values: [0.5, 0.4, 0.45] }, 'plrd.schedule', /member 3/);
    refuse({ values: [1] }, 'plrd.schedule', /member 1 \(1\) is not smaller than the parent/);
    refuse({ by: 'rank', values: [64] }, 'plrd.schedule', /parent/);
    refuse({ by: 'rank', values: [12.5] }, 'plrd.schedule', /12\.5 is not a rank/);
    refuse({ by: 'parameters', values: [10] }, 'plrd.target-too-small', /10 parameters/);
    refuse({ by: 'parameters', values: [1e9] }, 'plrd.target-too-large', /larger than its parent/);
    // A branch starts below the size that its parent has now.
    const member = { ...parent, ranks: uniformRanks(layers, 0.6, 1) };
    refuse({ values: [0.7] }, 'plrd.schedule', /not smaller than the parent/, member);
    assert.deepEqual(ratios({ values: [0.5] }, member), [0.5]);
  });
});

describe('uniformRanks', () => {
  it('takes the multiple that is nearest to the ratio, below break-even', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        (ratio, multiple) => {
          const ranks = uniformRanks(layers, ratio, multiple);
          for (const layer of layers) {
            const rank = ranks[layer.name]!;
            assert.equal(rank % multiple, 0);
            assert.ok(rank < breakEven(layer));
            const wanted = Math.floor(ratio * breakEven(layer));
            const nearest = Math.abs(rank - wanted) <= multiple / 2;
            assert.ok(nearest || rank + multiple >= breakEven(layer), `${layer.name}: ${rank} for ${wanted}`);
          }
        },
      ),
      { seed: 1 },
    );
  });

  it('keeps at least one multiple, and leaves everything full at a ratio of 1', () => {
    assert.deepEqual(new Set(Object.values(uniformRanks(layers, 0.001, 8))), new Set([8]));
    assert.deepEqual(uniformRanks(layers, 1, 8), {});
  });
});

describe('evenRanks', () => {
  it('gives every layer the rank of the schedule, but leaves full what it would not make smaller', () => {
    const ranks = evenRanks(layers, { ratio: 0.9, rank: 22 }, 8);
    for (const layer of layers) assert.equal(ranks[layer.name], breakEven(layer) > 22 ? 22 : undefined, layer.kind);
    assert.ok(new Set(Object.values(ranks)).size === 1 && Object.keys(ranks).length < layers.length);
  });
});

describe('energyRanks', () => {
  const spectraOf = (decay: (layer: LinearLayer) => number) =>
    new Map(
      layers.map((layer) => [
        layer.name,
        Float64Array.from({ length: Math.min(layer.outputs, layer.inputs) }, (_, i) => Math.exp(-decay(layer) * i)),
      ]),
    );
  const spent = (ranks: Readonly<Record<string, number>>) =>
    layers.reduce((sum, layer) => sum + cost(layer, ranks[layer.name]!), 0);

  it('spends its budget, no more, and never more on a layer than it has', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.35, max: 0.95, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.5, noNaN: true })),
        (ratio, multiple, decays) => {
          const spectra = spectraOf(() => Number(decays.next().value));
          const ranks = energyRanks(layers, spectra, ratio * fullSize, multiple);
          assert.ok(spent(ranks) <= ratio * fullSize);
          for (const layer of layers)
            assert.ok(ranks[layer.name]! >= multiple && ranks[layer.name]! <= breakEven(layer));
          // Nothing that fits is left over.
          const left = ratio * fullSize - spent(ranks);
          for (const layer of layers)
            assert.ok(ranks[layer.name]! + multiple > breakEven(layer) || cost(layer, multiple) > left);
        },
      ),
      { seed: 2 },
    );
  });

  it('gives a layer with a concentrated spectrum fewer ranks', () => {
    const ranks = energyRanks(
      layers,
      spectraOf(({ layer }) => (layer === 1 ? 1 : 0.01)),
      0.5 * fullSize,
      2,
    );
    for (const { name, layer, kind } of layers) {
      const twin = layers.find((other) => other.layer === 0 && other.kind === kind)!;
      if (layer === 1) assert.ok(ranks[name]! < ranks[twin.name]!, name);
    }
  });

  it('is not impressed by the scale of a layer', () => {
    const scaled = new Map(
      Array.from(
        spectraOf(() => 0.1),
        ([name, s], i) => [name, s.map((value) => value * 4 ** (i % 3))],
      ),
    );
    const budget = 0.5 * fullSize;
    assert.deepEqual(
      energyRanks(layers, scaled, budget, 2),
      energyRanks(
        layers,
        spectraOf(() => 0.1),
        budget,
        2,
      ),
    );
  });

  it('gives no layer more than its present rank', () => {
    assert.deepEqual(notAbove({ a: 8, b: 8, c: 8 }, { a: 4, b: 16 }), { a: 4, b: 8, c: 8 });
  });
});
