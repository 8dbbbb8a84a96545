import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostTensor } from '../../../core/engine/host';
import type { Named } from '../../../core/engine/optimizer';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { Decomposer, type ModelToDecompose } from '../../../core/methods/plrd/decomposition/decomposer';
import { decompose, type Decomposition } from '../../../core/methods/plrd/decomposition/decompose';
import { uniformRanks } from '../../../core/methods/plrd/allocation/ranks';
import {
  factorNames,
  fullName,
  linearLayers,
  tensorShapes,
  type LinearLayer,
} from '../../../core/models/decoder/layout';
import { Random } from '../../../core/random';
import { randomWeights, tinyConfig } from '../models/tiny';

const parent = tinyConfig({ attention_bias: true });
const layers = linearLayers(parent);
const weights = randomWeights(parent, 21);
const { signal } = new AbortController();
const step = (
  from: Named<HostTensor>,
  current: Decomposition['ranks'],
  ratio: number,
  variant: 'paper' | 'exact' = 'exact',
) => decompose(from, current, layers, uniformRanks(layers, ratio, 1), variant, { signal });

/** Ranks of one member, without looking at any text. */
async function ranksFor(
  allocation: 'uniform' | 'energy',
  model: ModelToDecompose,
  ratio: number,
  own: readonly LinearLayer[] = layers,
) {
  const noText = () => assert.fail('plain decompositions need no text');
  const device = { provider: 'cpu', threads: 1 } as const;
  const settings = PlrdConfig.parse({ decomposition: 'plain', allocation, rankMultiple: 1 });
  const [ranks] = await new Decomposer(settings, own, noText, { device, signal }).ranks(model, [
    { ratio, rank: undefined },
  ]);
  return ranks!;
}

/** The matrix of a layer, multiplied out. */
function matrixOf(parameters: Named<HostTensor>, { name, outputs, inputs }: LinearLayer): Float64Array {
  const full = parameters[fullName(name)];
  if (full) return Float64Array.from(full.data);
  const names = factorNames(name);
  const [u, v] = [parameters[names.u]!, parameters[names.v]!];
  const rank = v.shape[0]!;
  const product = new Float64Array(outputs * inputs);
  for (let i = 0; i < outputs; i++)
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < inputs; j++) product[i * inputs + j]! += u.data[i * rank + k]! * v.data[k * inputs + j]!;
  return product;
}

const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
const errorOf = (before: Named<HostTensor>, after: Named<HostTensor>, layer: LinearLayer) => {
  const [w, approximation] = [matrixOf(before, layer), matrixOf(after, layer)];
  return norm(w.map((x, i) => x - approximation[i]!)) / norm(w);
};

/** What training does to factors: they are no longer orthogonal, nor of one scale. */
function trained(parameters: Named<HostTensor<'float32'>>): Record<string, HostTensor<'float32'>> {
  const random = new Random(4);
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, ...tensor }]) => {
      const columns = shape.at(-1)!;
      const scales = Array.from({ length: columns }, () => Math.exp(random.normal()));
      const data = tensor.data.map((x, i) => x * scales[i % columns]! + 0.1 * random.normal());
      return [name, { ...tensor, shape, data }];
    }),
  );
}

describe('decompose', () => {
  it('replaces each layer by two factors, shares the rest, and says how much was lost', async () => {
    const member = await step(weights, {}, 0.6);
    assert.deepEqual(
      Object.entries(member.parameters)
        .map(([name, { shape }]) => [name, shape])
        .sort(),
      [...tensorShapes({ ...parent, ranks: member.ranks })].sort(),
    );
    for (const [name, { data }] of Object.entries(member.parameters))
      if (name in weights) assert.equal(data, weights[name]!.data, name);
    const squares = layers.reduce((sum, layer) => sum + errorOf(weights, member.parameters, layer) ** 2, 0);
    assert.ok(Math.abs(member.error - Math.sqrt(squares / layers.length)) < 1e-5);
    assert.ok(member.error > 0.1 && member.error < 1);
  });

  for (const [kind, winnow] of Object.entries({
    'few queries': { queryHeads: 1, kvHeads: 4 },
    'keys that are the values as well': { queryHeads: 2, kvHeads: 2, sharedKeyValue: true },
  }))
    it(`takes the layers that a decoder of ${kind} has`, async () => {
      const decoder = tinyConfig({ num_key_value_heads: undefined, winnow });
      const own = linearLayers(decoder);
      for (const allocation of ['uniform', 'energy'] as const) {
        const from = randomWeights(decoder, 22);
        const ranks = await ranksFor(allocation, { config: decoder, parameters: from }, 0.5, own);
        const member = await decompose(from, {}, own, ranks, 'exact', { signal });
        assert.deepEqual(
          Object.entries(member.parameters)
            .map(([name, { shape }]) => [name, shape])
            .sort(),
          [...tensorShapes({ ...decoder, ranks: member.ranks })].sort(),
        );
        assert.ok(Object.keys(member.ranks).some((name) => name.endsWith('k_proj')));
      }
    });

  for (const variant of ['paper', 'exact'] as const)
    it(`stays two factors deep when it is repeated (${variant})`, async () => {
      const first = await step(weights, {}, 0.7, variant);
      const second = await step(trained(first.parameters), first.ranks, 0.4, variant);
      assert.deepEqual(Object.keys(second.parameters).sort(), Object.keys(first.parameters).sort());
      for (const layer of layers) {
        const rank = second.ranks[layer.name]!;
        assert.ok(rank < first.ranks[layer.name]!);
        const { u, v } = factorNames(layer.name);
        assert.deepEqual(second.parameters[u]!.shape, [layer.outputs, rank]);
        assert.deepEqual(second.parameters[v]!.shape, [rank, layer.inputs]);
      }
    });

  it("loses no more as 'exact' than as 'paper'; both the same straight after the first step", async () => {
    const first = await step(weights, {}, 0.7);
    const from = trained(first.parameters);
    const [exact, paper] = [await step(from, first.ranks, 0.4, 'exact'), await step(from, first.ranks, 0.4, 'paper')];
    for (const layer of layers)
      assert.ok(errorOf(from, exact.parameters, layer) <= errorOf(from, paper.parameters, layer) + 1e-6, layer.name);
    assert.ok(exact.error < 0.95 * paper.error, `${exact.error} and ${paper.error}`);
    // Untrained factors have orthogonal columns whose lengths fall with the singular values: the same ones are cut.
    const untrained = await Promise.all(
      (['exact', 'paper'] as const).map((variant) => step(first.parameters, first.ranks, 0.4, variant)),
    );
    assert.ok(Math.abs(untrained[0]!.error - untrained[1]!.error) < 1e-5);
    const direct = await step(weights, {}, 0.4);
    for (const layer of layers) {
      const difference = errorOf(weights, untrained[0]!.parameters, layer) - errorOf(weights, direct.parameters, layer);
      assert.ok(Math.abs(difference) < 1e-4, layer.name);
    }
  });

  it('leaves alone what keeps its rank or is not asked for', async () => {
    const [first, ...others] = layers;
    const mixed = await decompose(weights, {}, layers, { [first!.name]: 5 }, 'exact', { signal });
    assert.deepEqual(mixed.ranks, { [first!.name]: 5 });
    for (const { name } of others) assert.equal(mixed.parameters[fullName(name)]!.data, weights[fullName(name)]!.data);
    const again = await decompose(mixed.parameters, mixed.ranks, layers, { [first!.name]: 5 }, 'exact', { signal });
    assert.equal(again.error, 0);
    for (const [name, { data }] of Object.entries(again.parameters)) assert.equal(data, mixed.parameters[name]!.data);
  });

  it('gives the same bits every time, reports every layer, and can be stopped', async () => {
    const done: number[] = [];
    const ranks = uniformRanks(layers, 0.5, 1);
    const run = () => decompose(weights, {}, layers, ranks, 'exact', { signal, onLayer: (count) => done.push(count) });
    const [a, b] = [await run(), await run()];
    assert.deepEqual(a.parameters, b.parameters);
    const counts = layers.map((_, i) => i + 1);
    assert.deepEqual(done, [...counts, ...counts]);
    const reason = new Error('stop');
    await assert.rejects(
      decompose(weights, {}, layers, ranks, 'exact', { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
  });
});

describe('the ranks of a member', () => {
  it('never gives a layer more than it has', async () => {
    for (const allocation of ['uniform', 'energy'] as const) {
      const first = await step(weights, {}, 0.5);
      const config = { ...parent, ranks: first.ranks };
      const ranks = await ranksFor(allocation, { config, parameters: first.parameters }, 0.7);
      for (const { name } of layers) assert.ok(ranks[name]! <= first.ranks[name]!);
    }
  });

  it("gives concentrated layers less by 'energy', whether they are full or factored", async () => {
    const concentrated = layers.find(({ kind }) => kind === 'up')!;
    const narrow = await decompose(weights, {}, layers, { [concentrated.name]: 3 }, 'exact', { signal });
    const flat = {
      ...weights,
      [fullName(concentrated.name)]: {
        dtype: 'float32',
        shape: [48, 32],
        data: Float32Array.from(matrixOf(narrow.parameters, concentrated)),
      },
    } as const;
    const full = await ranksFor('energy', { config: parent, parameters: flat }, 0.6);
    assert.ok(full[concentrated.name]! <= 4, `rank ${full[concentrated.name]} for a matrix of rank 3`);
    const others = layers.filter(({ kind, layer }) => kind === 'up' && layer === 1);
    assert.ok(full[others[0]!.name]! > 4);
    const wide = await decompose(flat, {}, layers, { [concentrated.name]: 10 }, 'exact', { signal });
    const config = { ...parent, ranks: wide.ranks };
    assert.deepEqual(await ranksFor('energy', { config, parameters: wide.parameters }, 0.6), full);
  });
});
