import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { floats, type HostTensor } from '../../../core/engine/host';
import type { Named } from '../../../core/engine/optimizer';
import { GqkvaConfig } from '../../../core/methods/gqkva/config';
import { variantsOf as groupedVariantsOf } from '../../../core/methods/gqkva/variants';
import { SkipVitConfig } from '../../../core/methods/skipvit/config';
import { scheduled, variantsOf } from '../../../core/methods/skipvit/variants';
import { spreadOverClasses } from '../../../core/methods/skipvit/heatmap-recorder';
import { regroup } from '../../../core/comparison/vision/regroup';
import { startOf } from '../../../core/comparison/vision/start';
import { withGrouping } from '../../../core/models/attention/config-keys';
import { headPairs, parseVariant } from '../../../core/protocol/grouping';
import { saveVit } from '../../../core/models/vit/checkpoint';
import { parseVitConfig, patchCount } from '../../../core/models/vit/config';
import { countVitParameters, names, vitTensorShapes } from '../../../core/models/vit/layout';
import { interpolatePositions } from '../../../core/models/vit/positions';
import { classifyWith, randomVit, tinyVit, TINY_VIT } from '../models/vit/tiny';
import { f32 } from '../../../core/engine/host';
import { largestDifference, withRuntime } from '../models/tiny';

const DATA = { classes: ['cat', 'dog'], channels: 3 } as const;
const MODEL = {
  hidden_size: 24,
  intermediate_size: 48,
  num_hidden_layers: 4,
  num_attention_heads: 6,
  patch_size: 4,
  image_size: 16,
};
const startFrom = (model: object = MODEL, data: Parameters<typeof startOf>[1] = DATA) =>
  startOf(SkipVitConfig.parse({ model }).model, data, '/');

describe('what SkipViT compares', () => {
  it('no skip, every skip range with every share, and the controls of each', async () => {
    const config = SkipVitConfig.parse({
      model: MODEL,
      skipRanges: [
        { start: 1, end: 3 },
        { start: 2, end: 4 },
      ],
      shares: [0.55, 0.25],
      attention: 'GQKVA-3.2',
    });
    const all = variantsOf(config, await startFrom());
    assert.equal(all.length, 1 + 3 * 4);
    assert.deepEqual(
      all.slice(0, 3).map(({ name }) => name),
      ['none', 'skip-1to3-55pct', 'skip-1to3-25pct'],
    );
    assert.deepEqual([all[1]!.plan?.skip.kept, all[2]!.plan?.skip.kept], [7, 12]);
    assert.ok(all.every(({ config: { grouping } }) => grouping.queryHeads === 3 && grouping.kvHeads === 2));
    assert.deepEqual(all[1]!.evaluationSkip, all[1]!.plan?.skip);
    const inTraining = variantsOf({ ...config, whenUsed: false }, await startFrom());
    assert.equal(inTraining[1]!.evaluationSkip, undefined);
  });

  it('skip ranges that do not fit, and the same twice, are refused', async () => {
    const start = await startFrom();
    const of = (skipRanges: object[]) => () => variantsOf(SkipVitConfig.parse({ model: MODEL, skipRanges }), start);
    assert.throws(of([{ start: 3, end: 3 }]), { code: 'skipvit.skip-range' });
    assert.throws(of([{ start: 1, end: 5 }]), { code: 'skipvit.skip-range', hint: /end ≤ 4/ });
    assert.throws(
      of([
        { start: 1, end: 3 },
        { start: 1, end: 3 },
      ]),
      { code: 'skipvit.twice' },
    );
  });

  it('a schedule starts with all patches and ends with those that stay', () => {
    const skip = { kind: 'skip', start: 1, end: 3, kept: 7 } as const;
    const { keptAt } = scheduled(skip, { kind: 'cosine', startEpoch: 2, epochs: 5 }, 16);
    assert.deepEqual([0, 1.9].map(keptAt), [16, 16]);
    const middle = [2, 3, 4, 5].map(keptAt);
    assert.deepEqual(
      [...middle].sort((a, b) => b - a),
      middle,
    );
    assert.ok(middle[0]! < 16 && middle[3]! > 7);
    assert.deepEqual([6, 6.5, 50].map(keptAt), [7, 7, 7]);
    assert.equal(scheduled(skip, { kind: 'constant', startEpoch: 2, epochs: 5 }, 16).keptAt(0), 7);
  });

  it('the heatmap has images of every class', () => {
    const labels = [0, 0, 0, 0, 1, 2, 2];
    const set = { size: 7, classes: ['a', 'b', 'c'], label: (index: number) => labels[index]! };
    assert.deepEqual(spreadOverClasses(set, 5), [0, 1, 4, 5, 6]);
    assert.deepEqual(spreadOverClasses(set, 50), [0, 1, 2, 3, 4, 5, 6]);
  });
});

describe('what GQKVA compares', () => {
  it('the first variant with the others, with or without tokens that skip', async () => {
    const config = GqkvaConfig.parse({
      model: MODEL,
      variants: ['mha', 'GKVA-3', 'mqa', 'GQKVA-3.2', 'MHA+K=V'],
      skip: { start: 1, end: 3 },
    });
    const all = groupedVariantsOf(config, await startFrom());
    assert.deepEqual(
      all.map(({ name }) => name),
      ['MHA', 'GKVA-3', 'MQA', 'GQKVA-3.2', 'MHA+K=V'],
    );
    assert.deepEqual(
      all.map(({ role }) => role),
      ['baseline', 'member', 'member', 'member', 'member'],
    );
    assert.ok(all.every(({ plan }) => plan?.skip.kept === 7));
    const sizes = all.map(({ config: own }) => countVitParameters(own));
    assert.ok(sizes.slice(1).every((size) => size < sizes[0]!));
    for (const { parameters, config: own } of all) {
      const shapes = Object.entries(await parameters(3)).map(([name, { shape }]) => [name, shape]);
      assert.deepEqual(shapes, [...vitTensorShapes(own)]);
    }
  });

  it('a variant twice, one that is none, and one that does not fit are refused', async () => {
    const start = await startFrom();
    const of =
      (...variants: string[]) =>
      () =>
        groupedVariantsOf(GqkvaConfig.parse({ model: MODEL, variants }), start);
    assert.throws(of('MQA', 'GQA-1'), { code: 'gqkva.twice' });
    assert.throws(of('MHA', 'FHA'), { code: 'model.variant' });
    assert.throws(of('GQA-4'), { code: 'model.heads' });
  });
});

describe('conversion of multi-head attention', () => {
  const from = tinyVit();
  const to = (variant: string) =>
    parseVitConfig(withGrouping(TINY_VIT, parseVariant(variant, TINY_VIT.num_attention_heads)));

  it('makes shared heads the mean of those that they stand for', () => {
    const parameters = randomVit(from, 1);
    const own = to('GQKVA-3.2');
    const pooled = regroup(parameters, from, own);
    const name = names(own);
    const { headDim, hidden } = own;
    for (const [kind, at] of [
      ['query', name.query(1)],
      ['keyValue', name.value(1)],
    ] as const) {
      const [source, target] = [floats(parameters[`${at}.weight`]!), floats(pooled[`${at}.weight`]!)];
      const members = headPairs(own.grouping).flatMap((pair, head) => (pair[kind] === 1 ? [head] : []));
      for (let i = 0; i < headDim * hidden; i++) {
        const mean = members.reduce((sum, head) => sum + source[head * headDim * hidden + i]! / members.length, 0);
        assert.ok(Math.abs(target[headDim * hidden + i]! - mean) < 1e-6);
      }
    }
    for (const [tensor, shape] of vitTensorShapes(own)) assert.deepEqual(pooled[tensor]!.shape, shape, tensor);
  });

  /** Weights in which all heads are the same: sharing them changes nothing. */
  function alike(parameters: Named<HostTensor>): Named<HostTensor> {
    const name = names(from);
    const result = { ...parameters };
    for (let layer = 0; layer < from.layers; layer++)
      for (const at of [name.query(layer), name.key(layer), name.value(layer)])
        for (const part of ['weight', 'bias'] as const) {
          const { shape } = parameters[`${at}.${part}`]!;
          // Keys are the values too, for the sharing of those.
          const first = floats(parameters[`${at === name.value(layer) ? name.key(layer) : at}.${part}`]!);
          const size = first.length / 6;
          result[`${at}.${part}`] = f32(
            shape,
            first.map((_, i) => first[i % size]!),
          );
        }
    return result;
  }

  for (const variant of ['MQA', 'GQA-2', 'GKVA-3', 'MKVA', 'GQKVA-2.3', 'GQA-3+K=V'])
    it(`gives the same logits as ${variant} where all heads are alike`, async () => {
      const parameters = alike(randomVit(from, 2));
      const own = to(variant);
      const images = f32(
        [2, 3, 16, 16],
        Float32Array.from({ length: 2 * 3 * 256 }, (_, i) => Math.sin(i)),
      );
      await withRuntime(async (runtime) => {
        const before = await classifyWith(runtime, from, parameters, images);
        const after = await classifyWith(runtime, own, regroup(parameters, from, own), images);
        assert.ok(largestDifference(after.logits, before.logits) < 1e-4);
      });
    });

  it('starts from a folder, with another classifier and other positions where they do not fit', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'winnow-start-'));
    try {
      const parameters = randomVit(from, 3);
      const save = (dir: string, config: typeof from, json: object, own: Named<HostTensor>) =>
        saveVit(path.join(folder, dir), {
          config,
          json: { ...json },
          parameters: own,
          normalization: { mean: [0, 0, 0], deviation: [1, 1, 1] },
          dtype: 'F32',
          meta: { kind: 'model', step: 0, phase: '', metrics: {} },
        });
      await save('mha', from, TINY_VIT, parameters);
      const same = await startFrom({ from: path.join(folder, 'mha') }, { classes: ['a', 'b', 'c'], channels: 3 });
      const kept = await same.weightsOf(same.config)(0);
      assert.deepEqual(floats(kept['classifier.weight']!), floats(parameters['classifier.weight']!));
      const other = await startFrom({ from: path.join(folder, 'mha'), image_size: 24 });
      const own = parseVitConfig(withGrouping(other.json, parseVariant('MQA', 6)));
      const weights = await other.weightsOf(own)(0);
      assert.equal(patchCount(other.config), 36);
      for (const [tensor, shape] of vitTensorShapes(own)) assert.deepEqual(weights[tensor]!.shape, shape, tensor);
      await assert.rejects(startFrom({ from: path.join(folder, 'mha') }, { classes: ['a', 'b'], channels: 1 }), {
        code: 'model.channels',
      });
      await assert.rejects(startFrom({ from: path.join(folder, 'nothing') }), { code: 'model.not-a-folder' });
      await save('mqa', own, other.json, weights);
      await save(
        'grouped',
        to('MQA'),
        withGrouping(TINY_VIT, parseVariant('MQA', 6)),
        regroup(parameters, from, to('MQA')),
      );
      const grouped = await startFrom({ from: path.join(folder, 'grouped') });
      assert.throws(() => grouped.weightsOf(to('GQA-2')), { code: 'model.grouped', message: /\(MQA\).*GQA-2/ });
      grouped.weightsOf(grouped.config);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('positions', () => {
  const options = { prefix: 1, width: 2, before: 3, after: 5 };
  it('keep what is constant and what is even, and the tokens before the patches', () => {
    // Position (y, x) has the values (7, x): in the middle, a line stays a line.
    const positions = Float32Array.from([100, 200, ...Array.from({ length: 9 }, (_, i) => [7, i % 3]).flat()]);
    const stretched = interpolatePositions(positions, options);
    assert.deepEqual([...stretched.subarray(0, 2)], [100, 200]);
    assert.equal(stretched.length, 52);
    for (let i = 0; i < 25; i++) assert.ok(Math.abs(stretched[2 + 2 * i]! - 7) < 1e-5);
    const row = Array.from({ length: 5 }, (_, x) => stretched[2 + 2 * x + 1]!);
    assert.ok(Math.abs(row[2]! - 1) < 1e-5 && Math.abs(row[0]! + row[4]! - 2) < 1e-5, row.join());
    assert.deepEqual(interpolatePositions(positions, { ...options, after: 3 }), positions);
  });
});
