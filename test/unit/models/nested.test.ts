import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../../core/engine/grad';
import { i32, type HostTensor } from '../../../core/engine/host';
import { factorTruncated } from '../../../core/engine/linalg/factor';
import type { Named } from '../../../core/engine/optimizer';
import { parseDecoderConfig, withRanks } from '../../../core/models/decoder/config';
import { factorNames, fullName, linearLayers } from '../../../core/models/decoder/layout';
import { nextTokenLoss, type TokenBatch } from '../../../core/models/decoder/language-model';
import { leading, leadingParameters } from '../../../core/models/decoder/nested';
import { largestDifference, logitsOf, randomIds, randomWeights, TINY, tinyConfig, withRuntime } from './tiny';

const layers = linearLayers(tinyConfig());
const ranksOf = (rank: number) => Object.fromEntries(layers.map(({ name }) => [name, rank]));
const sizes = [ranksOf(12), ranksOf(8), { ...ranksOf(8), [layers[0]!.name]: 3 }];

/** The tiny model with every layer truncated. */
async function truncated(ranks: Readonly<Record<string, number>>): Promise<Record<string, HostTensor>> {
  const weights = randomWeights(tinyConfig(), 1);
  const full = new Set(layers.map(({ name }) => fullName(name)));
  const parameters: Record<string, HostTensor> = Object.fromEntries(
    Object.entries(weights).filter(([name]) => !full.has(name)),
  );
  for (const { name } of layers) {
    const { u, v } = await factorTruncated(weights[fullName(name)]!, ranks[name]!);
    const names = factorNames(name);
    parameters[names.u] = u;
    parameters[names.v] = v;
  }
  return parameters;
}

const nestedModel = async () => ({
  config: parseDecoderConfig(withRanks(TINY, sizes[0]!, sizes)),
  parameters: await truncated(sizes[0]!),
});

describe('A nested model', () => {
  it('keeps its sizes in config.json, and loses them with other ranks', () => {
    const json = withRanks(TINY, sizes[0]!, sizes);
    assert.deepEqual(parseDecoderConfig(json).nested, sizes);
    assert.deepEqual(parseDecoderConfig(withRanks(json, sizes[1]!)).nested, []);
    assert.deepEqual(parseDecoderConfig(TINY).nested, []);
  });

  it('is refused where its sizes do not lie within each other', () => {
    const refused = (nested: readonly Record<string, number>[], message: RegExp) => {
      assert.throws(() => parseDecoderConfig(withRanks(TINY, sizes[0]!, nested)), { code: 'model.config', message });
    };
    refused([sizes[1]!], /first of winnow\.nested does not have the ranks/);
    refused([sizes[0]!, ranksOf(13)], /size 2 of winnow\.nested is not within size 1/);
    refused([sizes[0]!, sizes[2]!, sizes[1]!], /size 3 .* is not within size 2/);
    refused([sizes[0]!, { [layers[0]!.name]: 4 }], /size 2/);
  });

  it('computes at a size what the model of its leading components computes', async () => {
    const { config, parameters } = await nestedModel();
    const ids = randomIds(30, config.vocabulary, 2);
    await withRuntime(async (runtime) => {
      const whole = await logitsOf(runtime, config, parameters, ids, 2);
      for (const ranks of sizes) {
        const small = { ...config, ranks };
        const kept = leadingParameters(parameters, config.ranks, ranks);
        for (const [name, rank] of Object.entries(ranks)) {
          const { u, v } = factorNames(name);
          assert.deepEqual([kept[u]!.shape[1], kept[v]!.shape[0]], [rank, rank]);
        }
        // The leading components of an SVD are the smaller SVD.
        const direct = await truncated(ranks);
        const own = await logitsOf(runtime, small, kept, ids, 2);
        assert.ok(largestDifference(own, await logitsOf(runtime, small, direct, ids, 2)) < 1e-4);
        assert.equal(largestDifference(own, whole) > 1e-3, ranks !== sizes[0]);
      }
    });
  });

  it('trains at a size the leading components alone', async () => {
    const { config, parameters } = await nestedModel();
    const batch = { inputs: i32([2, 15], randomIds(30, 61, 3)), targets: i32([2, 15], randomIds(30, 61, 4)) };
    await withRuntime(async (runtime) => {
      const ranks = sizes[2]!;
      const step = runtime.compile<{ own: Named<Tensor> }, TokenBatch, { loss: Tensor; gradients: Named<Tensor> }>(
        'nested gradients',
        ({ own }, tokens) => {
          const { loss, gradients } = valueAndGradients(own, (values) => ({
            loss: nextTokenLoss({ ...config, ranks }, leading(values, config.ranks, ranks), tokens),
            aux: {},
          }));
          return { metrics: { loss, gradients } };
        },
      );
      const { gradients } = await step.run(runtime.upload<{ own: Named<Tensor> }>({ own: parameters }), batch);
      for (const { name, inputs, outputs } of layers) {
        const { u, v } = factorNames(name);
        const [du, dv] = [gradients[u]!.data, gradients[v]!.data];
        for (let component = 0; component < 12; component++) {
          const column = Array.from({ length: outputs }, (_, row) => du[row * 12 + component]!);
          const row = Array.from(dv.subarray(component * inputs, (component + 1) * inputs));
          const isTrained = [column, row].map((values) => values.some((value) => value !== 0));
          assert.deepEqual(isTrained, component < ranks[name]! ? [true, true] : [false, false], `${name} ${component}`);
        }
      }
    });
  });
});
