import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { f32, i32, type HostTensor } from '../../../core/engine/host';
import { valueAndGradients } from '../../../core/engine/grad';
import type { Named } from '../../../core/engine/optimizer';
import { withGrouping } from '../../../core/models/attention/config-keys';
import { headPairs, parseVariant, variantName } from '../../../core/protocol/grouping';
import { loadDecoder, saveDecoder } from '../../../core/models/decoder/checkpoint';
import {
  parseDecoderConfig,
  withDecoderGrouping,
  withRanks,
  type DecoderConfig,
} from '../../../core/models/decoder/config';
import { nextTokenLoss } from '../../../core/models/decoder/language-model';
import {
  countParameters,
  flopsPerToken,
  linearLayers,
  selfAttentionName,
  tensorShapes,
} from '../../../core/models/decoder/layout';
import { regroupDecoder } from '../../../core/models/decoder/regroup';
import { headFacts, projectionSizes } from '../../../core/protocol/heads';
import { compare, traced } from '../engine/both';
import { largestDifference, logitsOf, randomIds, randomWeights, TINY, withRuntime } from './tiny';

const HEADS = 8;
const BASE = { ...TINY, num_attention_heads: HEADS, num_key_value_heads: HEADS };
const VARIANTS = ['MHA', 'MQA', 'GQA-2', 'GQA-4', 'MKVA', 'GKVA-2', 'GKVA-4', 'GQKVA-2.4', 'GQKVA-4.2', 'GQKVA-4.4'];
const SHARED = ['MHA+K=V', 'MQA+K=V', 'MKVA+K=V', 'GQKVA-4.4+K=V'];

const jsonOf = (variant: string, json: Readonly<Record<string, unknown>> = BASE) =>
  withDecoderGrouping(json, parseVariant(variant, HEADS));
const configOf = (variant: string, changes: Readonly<Record<string, unknown>> = {}): DecoderConfig =>
  parseDecoderConfig(jsonOf(variant, { ...BASE, ...changes }));

/** The weights of a model with multi-head attention that repeats every shared head. */
function writtenOut(config: DecoderConfig, weights: Named<HostTensor<'float32'>>): Named<HostTensor<'float32'>> {
  const full = { ...weights };
  const pairs = headPairs(config.grouping);
  for (let layer = 0; layer < config.layers; layer++)
    for (const kind of ['q', 'k', 'v'] as const)
      for (const part of ['weight', 'bias']) {
        const source = selfAttentionName(layer, kind === 'v' && config.grouping.sharedKeyValue ? 'k' : kind);
        const tensor = weights[`${source}.${part}`];
        const heads = pairs.map(({ query, keyValue }) => (kind === 'q' ? query : keyValue));
        if (tensor) full[`${selfAttentionName(layer, kind)}.${part}`] = rowsOf(tensor, heads, config.headDim);
      }
  return full;
}

/** The rows of some heads of a projection, one head after another. */
function rowsOf({ shape, data }: HostTensor<'float32'>, heads: readonly number[], headDim: number) {
  const size = headDim * (shape[1] ?? 1);
  const rows = heads.flatMap((head) => [...data.slice(head * size, (head + 1) * size)]);
  return f32([heads.length * headDim, ...shape.slice(1)], Float32Array.from(rows));
}

const KINDS: Readonly<Record<string, Record<string, unknown>>> = {
  'with biases': { model_type: 'qwen2' },
  'with a sliding window': { model_type: 'mistral', sliding_window: 5 },
};

describe('A decoder whose heads are shared', () => {
  after(() => traced.dispose());

  for (const variant of [...VARIANTS, ...SHARED])
    for (const [kind, changes] of Object.entries(KINDS))
      it(`computes in ${variant} ${kind} what multi-head attention does with its heads written out`, async () => {
        const config = configOf(variant, changes);
        const weights = randomWeights(config, 3);
        const ids = randomIds(24, config.vocabulary, 4);
        await withRuntime(async (runtime) => {
          const shared = await logitsOf(runtime, config, weights, ids, 2);
          const full = await logitsOf(runtime, configOf('MHA', changes), writtenOut(config, weights), ids, 2);
          assert.ok(Math.max(...shared.map(Math.abs)) > 0.5, 'logits this flat would hide a difference');
          assert.ok(largestDifference(shared, full) < 1e-4);
        });
      });

  for (const variant of ['GQKVA-4.4', 'MKVA+K=V'])
    it(`has the gradients of tf.js in ${variant}`, async () => {
      const config = configOf(variant);
      const weights = randomWeights(config, 5);
      const names = Object.keys(weights);
      const ids = i32([2, 6], randomIds(12, config.vocabulary, 6));
      const targets = i32([2, 6], randomIds(12, config.vocabulary, 7));
      const gradients = (given: readonly Tensor[]) => {
        const parameters = Object.fromEntries(names.map((name, i) => [name, given[i + 2]!]));
        const batch = { inputs: given[0]!, targets: given[1]! };
        const result = valueAndGradients(parameters, (own) => ({ loss: nextTokenLoss(config, own, batch), aux: {} }));
        return [result.loss, ...names.map((name) => result.gradients[name]!)];
      };
      const inputs = [ids, targets, ...names.map((name) => weights[name]!)];
      await compare(variant, gradients, inputs, { relative: 1e-3, absolute: 1e-5 });
    });

  it('is smaller by the rows that its projections lack; its attention does as much', () => {
    const full = configOf('MHA');
    const { hidden, headDim, layers } = full;
    for (const variant of [...VARIANTS, ...SHARED]) {
      const config = configOf(variant);
      const { queryHeads, kvHeads, sharedKeyValue } = config.grouping;
      const rows = headDim * (3 * HEADS - queryHeads - (sharedKeyValue ? 1 : 2) * kvHeads);
      const saved = countParameters(full).total - countParameters(config).total;
      assert.equal(saved, layers * hidden * rows, variant);
      assert.equal(flopsPerToken(full, 9) - flopsPerToken(config, 9), 2 * saved, variant);
      const kinds = linearLayers(config).filter(({ layer }) => layer === 0);
      assert.equal(
        kinds.some(({ kind }) => kind === 'v'),
        !sharedKeyValue,
      );
    }
  });

  it('comes back from a folder', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'winnow-heads-'));
    try {
      const json = jsonOf('GQKVA-2.4+K=V');
      const parameters = randomWeights(parseDecoderConfig(json), 8);
      const tokenizerFrom = Buffer.from('{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}');
      const meta = { kind: 'model', step: 1, phase: 'test', metrics: {} } as const;
      await saveDecoder(path.join(root, 'model'), { json, parameters, tokenizerFrom, dtype: 'F32', meta });
      const loaded = await loadDecoder(path.join(root, 'model'));
      assert.equal(variantName(loaded.config.grouping), 'GQKVA-2.4+K=V');
      assert.deepEqual(loaded.parameters, parameters);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

describe('The config.json of a decoder whose heads are shared', () => {
  it('is that of transformers where transformers knows the kind, and keeps what else it says', () => {
    assert.deepEqual(jsonOf('GQA-2'), { ...BASE, num_key_value_heads: 2 });
    assert.deepEqual(jsonOf('GKVA-2').winnow, { queryHeads: 2, kvHeads: 8, sharedKeyValue: false });
    const back = withDecoderGrouping({ ...jsonOf('GQKVA-2.4'), future: 1 }, parseVariant('MQA', HEADS));
    assert.deepEqual(back, { ...BASE, num_key_value_heads: 1, future: 1, winnow: {} });
    const ranks = { 'model.layers.0.mlp.up_proj': 3 };
    const factored = parseDecoderConfig(withRanks(jsonOf('GQKVA-2.4'), ranks));
    assert.deepEqual([variantName(factored.grouping), factored.ranks], ['GQKVA-2.4', ranks]);
    const regrouped = parseDecoderConfig(jsonOf('MKVA+K=V', withRanks(BASE, ranks)));
    assert.deepEqual([variantName(regrouped.grouping), regrouped.ranks], ['MKVA+K=V', ranks]);
  });

  it('is refused where its numbers do not fit, or contradict each other', () => {
    const refused = (changes: object, code: string, message: RegExp) => {
      assert.throws(() => parseDecoderConfig({ ...BASE, ...changes }), { name: 'UserError', code, message });
    };
    refused({ winnow: { queryHeads: 3 } }, 'model.heads', /3 query heads and 8 key-value heads/);
    refused({ num_key_value_heads: 2, winnow: { queryHeads: 2 } }, 'model.heads', /do not make 8/);
    refused({ winnow: { kvHeads: 4 } }, 'model.heads', /num_key_value_heads is 8, but winnow\.kvHeads 4/);
    refused({ winnow: { queryHeads: 0 } }, 'model.config', /winnow\.queryHeads/);
    refused({ winnow: { sharedKeyValue: 'yes' } }, 'model.config', /winnow\.sharedKeyValue/);
  });

  it('says the same to who draws the heads', () => {
    for (const variant of [...VARIANTS, ...SHARED]) {
      const json = jsonOf(variant);
      const { grouping, headDim, hidden, layers } = parseDecoderConfig(json);
      const facts = headFacts(json);
      assert.deepEqual(facts, { grouping, headDim, hidden, layers });
      const drawn = projectionSizes(facts).reduce((sum, { parameters }) => sum + parameters, 0);
      const layersOf = linearLayers(parseDecoderConfig(json)).filter(({ kind }) => ['q', 'k', 'v'].includes(kind));
      assert.equal(
        drawn,
        layersOf.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0),
      );
    }
    // What vision transformers say, and what no decoder may.
    const vision = { ...BASE, num_key_value_heads: undefined };
    assert.equal(headFacts(withGrouping(vision, parseVariant('GKVA-2', HEADS)))?.grouping.queryHeads, 2);
    assert.equal(headFacts({ ...BASE, winnow: { kvHeads: 4 } }), undefined);
  });
});

describe('Other heads for a trained decoder', () => {
  const biased = { model_type: 'qwen2' };

  it('change nothing where heads are shared less', async () => {
    for (const [from, to] of [
      ['GQKVA-4.4', 'MHA'],
      ['MQA', 'GQA-4'],
      ['MKVA+K=V', 'GKVA-2'],
    ] as const) {
      const [before, after] = [configOf(from, biased), configOf(to, biased)];
      const weights = randomWeights(before, 9);
      const regrouped = regroupDecoder(weights, before, after);
      assert.deepEqual(
        new Map(Object.entries(regrouped).map(([name, { shape }]) => [name, shape])),
        tensorShapes(after),
      );
      const ids = randomIds(12, before.vocabulary, 4);
      await withRuntime(async (runtime) => {
        const expected = await logitsOf(runtime, before, weights, ids);
        assert.ok(largestDifference(await logitsOf(runtime, after, regrouped, ids), expected) < 1e-4, `${from} ${to}`);
      });
    }
  });

  it('are the mean of those that they stand for', () => {
    const [before, after] = [configOf('GQA-4'), configOf('GQKVA-4.2+K=V')];
    const weights = randomWeights(before, 10);
    const regrouped = regroupDecoder(weights, before, after);
    const size = before.headDim * before.hidden;
    const head = (tensor: HostTensor, index: number) => [...tensor.data.slice(index * size, (index + 1) * size)];
    const at = (from: Named<HostTensor>, kind: 'q' | 'k' | 'v', index: number) =>
      head(from[`${selfAttentionName(1, kind)}.weight`]!, index);
    const assertMean = (actual: readonly number[], of: readonly (readonly number[])[]) => {
      for (const [i, value] of actual.entries()) {
        const mean = of.reduce((sum, values) => sum + values[i]! / of.length, 0);
        assert.ok(Math.abs(value - mean) < 1e-6);
      }
    };
    // Query head 1 is in the attention heads 2 and 3, key-value head 1 in the odd ones: 1, 3, 5, 7.
    assertMean(at(regrouped, 'q', 1), [at(weights, 'q', 2), at(weights, 'q', 3)]);
    assertMean(
      at(regrouped, 'k', 1),
      [0, 1, 2, 3].flatMap((i) => [at(weights, 'k', i), at(weights, 'v', i)]),
    );
    assert.ok(!(`${selfAttentionName(1, 'v')}.weight` in regrouped));
    assert.equal(regroupDecoder(weights, before, configOf('GQA-4')), weights);
  });

  it('are refused where a projection is factored', () => {
    for (const kind of ['q', 'k', 'v'] as const) {
      const factored = parseDecoderConfig(withRanks(BASE, { [selfAttentionName(0, kind)]: 3 }));
      const weights = randomWeights(factored, 1);
      assert.throws(() => regroupDecoder(weights, factored, configOf('MQA')), RangeError);
    }
  });
});
