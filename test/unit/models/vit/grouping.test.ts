import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { f32, floats, type HostTensor } from '../../../../core/engine/host';
import { withGrouping } from '../../../../core/models/attention/config-keys';
import { headPairs, parseVariant, variantName, type HeadGrouping } from '../../../../core/protocol/grouping';
import { parseVitConfig, type VitConfig } from '../../../../core/models/vit/config';
import { blockMacs } from '../../../../core/models/vit/cost';
import { countVitParameters, names, vitTensorShapes } from '../../../../core/models/vit/layout';
import { largestDifference, withRuntime } from '../tiny';
import { classifyWith, randomImages, randomVit, TINY_VIT, tinyVit } from './tiny';

const SMALL = {
  model_type: 'vit',
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 12,
  num_attention_heads: 6,
  num_labels: 1000,
};

const VARIANTS = ['MHA', 'MQA', 'GQA-2', 'GQA-3', 'MKVA', 'GKVA-2', 'GKVA-3', 'GQKVA-2.3', 'GQKVA-3.2'];

const grouped = (json: Readonly<Record<string, unknown>>, variant: string): VitConfig =>
  parseVitConfig(withGrouping(json, parseVariant(variant, 6)));

describe('variants of attention', () => {
  // ViT-S/16 with 1000 classes: derived from the paper's definitions, to the unit.
  for (const [variant, parameters, macs] of [
    ['MHA', 22_050_664, 442_368],
    ['GKVA-3', 21_163_624, 368_640],
    ['GKVA-2', 20_867_944, 344_064],
    ['MKVA', 20_572_264, 319_488],
    ['GQA-3', 20_276_584, 294_912],
    ['GQA-2', 19_685_224, 245_760],
    ['MQA', 19_093_864, 196_608],
    ['GQKVA-2.3', 19_093_864, 196_608],
    ['GQKVA-3.2', 18_798_184, 172_032],
  ] as const)
    it(`${variant} has ${parameters} parameters in a ViT-S/16, and projects with ${macs} multiply-adds a token`, () => {
      const config = grouped(SMALL, variant);
      assert.equal(countVitParameters(config), parameters);
      const full = grouped(SMALL, 'MHA');
      // What the blocks differ in is the projections alone: there are as many maps of attention.
      assert.equal(442_368 - (blockMacs(full, 197) - blockMacs(config, 197)) / 197, macs);
    });

  it('are named as they are read', () => {
    for (const variant of VARIANTS) {
      assert.equal(variantName(parseVariant(variant, 6)), variant);
      assert.equal(variantName(parseVariant(`${variant}+K=V`, 6)), `${variant}+K=V`);
    }
    // One set of heads may have two names; the shorter is kept.
    assert.equal(variantName(parseVariant('GQKVA-6.1', 6)), 'MQA');
    assert.equal(variantName(parseVariant('gqkva-1.6', 6)), 'MKVA');
  });

  it('that do not fit the heads, or are none, are explained', () => {
    assert.throws(() => parseVariant('GQA-4', 6), { code: 'model.heads' });
    assert.throws(() => parseVariant('GQKVA-2.2', 6), { code: 'model.heads' });
    assert.throws(() => parseVariant('GKVA-0', 6), { code: 'model.heads' });
    assert.throws(() => parseVariant('GQKVA-3', 6), { code: 'model.variant' });
  });

  it('pair every query head with the key-value heads that it meets, each pair once', () => {
    assert.deepEqual(
      headPairs(parseVariant('GQKVA-2.3', 6)).map(({ query, keyValue }) => `${query}${keyValue}`),
      ['00', '01', '02', '10', '11', '12'],
    );
    assert.deepEqual(
      headPairs(parseVariant('GQA-2', 6)).map(({ query, keyValue }) => `${query}${keyValue}`),
      ['00', '10', '20', '31', '41', '51'],
    );
    assert.deepEqual(
      headPairs(parseVariant('GKVA-3', 6)).map(({ query, keyValue }) => `${query}${keyValue}`),
      ['00', '01', '12', '13', '24', '25'],
    );
    for (const variant of VARIANTS)
      assert.equal(new Set(headPairs(parseVariant(variant, 6)).map((pair) => JSON.stringify(pair))).size, 6);
  });

  for (const variant of [...VARIANTS, 'GQKVA-3.2+K=V', 'MHA+K=V'])
    it(`${variant} computes what multi-head attention does with its shared heads written out`, async () => {
      const config = grouped(TINY_VIT, variant);
      const weights = randomVit(config, 3);
      const images = randomImages(config, 2, 4);
      const [shared, written] = await withRuntime(async (runtime) => [
        await classifyWith(runtime, config, weights, images),
        await classifyWith(runtime, tinyVit(), writtenOut(config, weights), images),
      ]);
      assert.ok(Math.max(...shared.logits.map(Math.abs)) > 0.5, 'logits this flat would hide a difference');
      assert.ok(largestDifference(shared.logits, written.logits) < 1e-4);
    });
});

/** The weights of a model with multi-head attention that repeats every shared head. */
function writtenOut(config: VitConfig, weights: Record<string, HostTensor<'float32'>>) {
  const { grouping } = config;
  const name = names(config);
  const pairs = headPairs(grouping);
  const full: Record<string, HostTensor<'float32'>> = { ...weights };
  for (let layer = 0; layer < config.layers; layer++) {
    const put = (to: string, from: string, heads: readonly number[]) => {
      for (const part of ['weight', 'bias']) full[`${to}.${part}`] = rowsOf(weights[`${from}.${part}`]!, heads, config);
    };
    put(
      name.query(layer),
      name.query(layer),
      pairs.map(({ query }) => query),
    );
    const keyValues = pairs.map(({ keyValue }) => keyValue);
    put(name.key(layer), name.key(layer), keyValues);
    put(name.value(layer), sourceOfValues(grouping, name, layer), keyValues);
  }
  return Object.fromEntries([...vitTensorShapes(tinyVit()).keys()].map((key) => [key, full[key]!]));
}

const sourceOfValues = ({ sharedKeyValue }: HeadGrouping, name: ReturnType<typeof names>, layer: number) =>
  sharedKeyValue ? name.key(layer) : name.value(layer);

/** The rows of some heads of a projection, one head after another. */
function rowsOf({ shape, data }: HostTensor<'float32'>, heads: readonly number[], { headDim }: VitConfig) {
  const width = (shape[1] ?? 1) * headDim;
  const rows = heads.map((head) => floats(f32([width], data.slice(head * width, (head + 1) * width))));
  const joined = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    joined.set(row, i * width);
  });
  return f32([heads.length * headDim, ...shape.slice(1)], joined);
}
