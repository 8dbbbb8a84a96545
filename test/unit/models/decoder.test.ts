import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { encodeFromFloat32, type FloatDtype } from '../../../core/checkpoint/dtype';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { float32Tensor } from '../../../core/checkpoint/safetensors-writer';
import type { HostTensor } from '../../../core/engine/host';
import { factorTruncated } from '../../../core/engine/linalg/factor';
import { loadDecoder, saveDecoder } from '../../../core/models/decoder/checkpoint';
import { parseDecoderConfig, withRanks } from '../../../core/models/decoder/config';
import { initialize } from '../../../core/models/decoder/initialize';
import {
  countParameters,
  factorNames,
  flopsPerToken,
  fullName,
  linearLayers,
  tensorShapes,
} from '../../../core/models/decoder/layout';
import { readMeta } from '../../../core/checkpoint/training-state';
import { largestDifference, logitsOf, randomIds, randomWeights, TINY, tinyConfig, withRuntime } from './tiny';

const TOKENIZER = Buffer.from('{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}');
const META = { kind: 'model', step: 3, phase: 'test', metrics: { loss: 1.5 } } as const;

/** The same ranks for every layer of the tiny model. */
const ranksOf = (rank: number) => Object.fromEntries(linearLayers(tinyConfig()).map(({ name }) => [name, rank]));

describe('A factored decoder', () => {
  it('is the full one when the ranks are full', async () => {
    const config = tinyConfig({ attention_bias: true, mlp_bias: true });
    const weights = randomWeights(config, 1);
    const parameters: Record<string, HostTensor<'float32'>> = Object.fromEntries(
      Object.entries(weights).filter(
        ([name]) => !linearLayers(config).some((linear) => fullName(linear.name) === name),
      ),
    );
    const ranks: Record<string, number> = {};
    for (const { name, outputs, inputs } of linearLayers(config)) {
      ranks[name] = Math.min(outputs, inputs);
      const { u, v } = await factorTruncated(weights[fullName(name)]!, ranks[name]);
      const names = factorNames(name);
      parameters[names.u] = u;
      parameters[names.v] = v;
    }
    const factored = { ...config, ranks };
    assert.deepEqual(Object.keys(parameters).sort(), [...tensorShapes(factored).keys()].sort());
    const ids = randomIds(30, config.vocabulary, 2);
    await withRuntime(async (runtime) => {
      const expected = await logitsOf(runtime, config, weights, ids, 2);
      assert.ok(largestDifference(await logitsOf(runtime, factored, parameters, ids, 2), expected) < 1e-4);
    });
  });

  it('names the tensor that it lacks', async () => {
    const config = tinyConfig();
    const weights = randomWeights(config, 1);
    delete weights['model.layers.1.mlp.up_proj.weight'];
    await withRuntime(async (runtime) => {
      await assert.rejects(logitsOf(runtime, config, weights, [1, 2]), /model\.layers\.1\.mlp\.up_proj/);
    });
  });
});

describe('The sizes of a decoder', () => {
  it('counts its parameters', () => {
    // Per block: q and o 32², k and v 16 · 32, three of 48 · 32, two norms.
    const linear = 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32);
    const norms = 5 * 32;
    assert.deepEqual(countParameters(tinyConfig()), { total: linear + norms + 61 * 32, linear });
    const untied = tinyConfig({ tie_word_embeddings: false });
    assert.deepEqual(countParameters(untied), { total: linear + norms + 2 * 61 * 32, linear });
    // Biases of q, k, v; of all four and of the MLP.
    assert.equal(countParameters(tinyConfig({ model_type: 'qwen2' })).total, linear + norms + 61 * 32 + 2 * 64);
    const biased = tinyConfig({ attention_bias: true, mlp_bias: true });
    assert.equal(countParameters(biased).total, linear + norms + 61 * 32 + 2 * (64 + 32 + 2 * 48 + 32));
  });

  it('counts factors instead of matrices', () => {
    const config = tinyConfig({ winnow: { ranks: { 'model.layers.0.mlp.down_proj': 4 } } });
    const saved = 48 * 32 - 4 * (48 + 32);
    assert.equal(countParameters(tinyConfig()).linear - countParameters(config).linear, saved);
    assert.equal(countParameters(tinyConfig()).total - countParameters(config).total, saved);
  });

  it('counts two operations per weight that is multiplied, and attention by its length', () => {
    const config = tinyConfig();
    const { linear } = countParameters(config);
    assert.equal(flopsPerToken(config, 0), 2 * (linear + 61 * 32));
    // Scores and the weighted sum: 2 layers of 4 heads of 8.
    assert.equal(flopsPerToken(config, 10) - flopsPerToken(config, 0), 2 * 2 * 2 * 32 * 10);
    const smaller = { ...config, ranks: ranksOf(4) };
    assert.equal(flopsPerToken(config, 7) - flopsPerToken(smaller, 7), 2 * (linear - countParameters(smaller).linear));
  });

  it('starts as its paper says: small normal weights, norms one, biases zero', () => {
    const config = tinyConfig({ attention_bias: true });
    const weights = initialize(config, 5);
    const deviation = (name: string) => {
      const { data } = weights[name]!;
      return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
    };
    assert.ok(Math.abs(deviation('model.embed_tokens.weight') - 0.02) < 0.002);
    assert.ok(Math.abs(deviation('model.layers.0.self_attn.o_proj.weight') - 0.01) < 0.001);
    assert.ok(weights['model.layers.1.input_layernorm.weight']!.data.every((x) => x === 1));
    assert.ok(weights['model.layers.1.self_attn.q_proj.bias']!.data.every((x) => x === 0));
    assert.deepEqual(initialize(config, 5), weights);
  });
});

describe('parseDecoderConfig', () => {
  const refused = (changes: Record<string, unknown>, message: RegExp) => {
    assert.throws(() => tinyConfig(changes), { name: 'UserError', code: 'model.config', message });
  };

  it('names the key that it cannot use', () => {
    refused({ model_type: 'gpt2' }, /model_type/);
    refused({ hidden_size: undefined }, /hidden_size/);
    refused({ num_hidden_layers: 2.5 }, /num_hidden_layers/);
    refused({ hidden_act: 'gelu' }, /hidden_act/);
    refused({ num_key_value_heads: 3 }, /num_key_value_heads 3/);
    refused({ head_dim: 7 }, /7 dimensions/);
    refused({ rope_scaling: { rope_type: 'longrope', factor: 2 } }, /longrope/);
    refused({ rope_parameters: { rope_type: 'linear' } }, /rotary scaling/);
    refused({ winnow: { ranks: { x: 0 } } }, /winnow\.ranks\.x/);
    assert.throws(() => parseDecoderConfig(null), { code: 'model.config' });
  });

  it('reads the old and the new spelling of the rotary embedding', () => {
    const old = tinyConfig({ rope_theta: 500, rope_scaling: { type: 'linear', factor: 2 } });
    const young = tinyConfig({ rope_parameters: { rope_theta: 500, rope_type: 'linear', factor: 2 } });
    for (const { ropeTheta, ropeScaling } of [old, young])
      assert.deepEqual([ropeTheta, ropeScaling], [500, { rope_type: 'linear', factor: 2 }]);
    assert.equal(tinyConfig({ rope_scaling: null }).ropeTheta, 10_000);
  });

  it('knows which layers see a window', () => {
    const windows = (changes: Record<string, unknown>) => {
      const config = tinyConfig({ sliding_window: 8, ...changes });
      return [config.window(0), config.window(1)];
    };
    assert.deepEqual(windows({ sliding_window: null }), [undefined, undefined]);
    assert.deepEqual(windows({ sliding_window: 96 }), [undefined, undefined]);
    assert.deepEqual(windows({ model_type: 'mistral', sliding_window: undefined }), [4096, 4096]);
    assert.deepEqual(windows({ model_type: 'mistral' }), [8, 8]);
    assert.deepEqual(windows({ model_type: 'mistral', sliding_window: null }), [undefined, undefined]);
    assert.deepEqual(windows({ model_type: 'qwen2' }), [undefined, undefined]);
    assert.deepEqual(windows({ model_type: 'qwen2', use_sliding_window: true }), [undefined, undefined]);
    assert.deepEqual(windows({ model_type: 'qwen2', use_sliding_window: true, max_window_layers: 1 }), [undefined, 8]);
    const types = ['sliding_attention', 'full_attention'];
    const on = { model_type: 'qwen2', use_sliding_window: true, max_window_layers: 1 };
    assert.deepEqual(windows({ ...on, layer_types: types }), [8, undefined]);
    assert.deepEqual(windows({ ...on, layer_types: null }), [undefined, 8]);
    refused({ sliding_window: 8 }, /sliding_window is 8/);
    refused({ layer_types: types }, /layer_types/);
    refused({ ...on, layer_types: types.slice(1) }, /layer_types names 1 layers/);
    refused({ ...on, layer_types: ['full_attention', 'chunked_attention'] }, /layer_types/);
    refused({ ...on, use_sliding_window: false, layer_types: types }, /layer_types.*off/);
    refused({ model_type: 'mistral', sliding_window: 8, layer_types: types }, /layer_types/);
    refused({ model_type: 'mistral', sliding_window: null, layer_types: types }, /layer_types/);
    refused({ model_type: 'mistral', sliding_window: 8, use_sliding_window: false }, /use_sliding_window/);
  });

  it('keeps unknown keys when the ranks change', () => {
    const json = { ...TINY, future: [1], winnow: { ranks: { old: 1 }, note: 'kept' } };
    assert.deepEqual(withRanks(json, { a: 2 }), { ...TINY, future: [1], winnow: { ranks: { a: 2 }, note: 'kept' } });
    assert.deepEqual(withRanks(TINY, { a: 2 }), { ...TINY, winnow: { ranks: { a: 2 } } });
  });
});

describe('A decoder on disk', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-decoder-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  for (const dtype of ['F32', 'F16', 'BF16'] satisfies FloatDtype[])
    it(`comes back from ${dtype}, rounded once`, async () => {
      const json = withRanks({ ...TINY, bos_token_id: 1, dtype: 'float64' }, ranksOf(6));
      const config = parseDecoderConfig(json);
      const weights = randomWeights(config, 8);
      const dir = path.join(root, dtype);
      await saveDecoder(dir, { json, parameters: weights, tokenizerFrom: TOKENIZER, dtype, meta: META });
      const loaded = await loadDecoder(dir);
      assert.deepEqual(loaded.config.ranks, ranksOf(6));
      assert.deepEqual(Object.keys(loaded.parameters), [...tensorShapes(config).keys()]);
      const torch = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[dtype];
      assert.deepEqual(loaded.json, { ...json, torch_dtype: torch, dtype: torch });
      const { files, ...meta } = (await readMeta(dir))!;
      assert.deepEqual(meta, META);
      assert.deepEqual(Object.keys(files!).sort(), ['config.json', 'model.safetensors', 'tokenizer.json']);

      const folder = await openModelFolder(dir);
      for (const [name, shape] of tensorShapes(config)) {
        assert.deepEqual(folder.tensors.get(name)?.shape, shape);
        assert.deepEqual(await folder.readBytes(name), encodeFromFloat32(dtype, weights[name]!.data));
      }
      assert.equal(folder.tensors.size, tensorShapes(config).size);
      await folder.close();

      await saveDecoder(`${dir}-again`, { ...loaded, tokenizerFrom: loaded.tokenizerPath, dtype, meta: META });
      for (const file of ['model.safetensors', 'config.json', 'tokenizer.json'])
        assert.deepEqual(await readFile(path.join(`${dir}-again`, file)), await readFile(path.join(dir, file)));
    });

  const write = (name: string, changes: { drop?: string; config?: object; tokenizer?: boolean }) => {
    const dir = path.join(root, name);
    const tensors = Object.entries(randomWeights(tinyConfig(), 1))
      .filter(([tensor]) => tensor !== changes.drop)
      .map(([tensor, { shape, data }]) => float32Tensor(tensor, shape, data));
    const tokenizer = changes.tokenizer === false ? {} : { tokenizerFrom: TOKENIZER };
    return writeModelFolder(dir, { config: { ...TINY, ...changes.config }, tensors, ...tokenizer }).then(() => dir);
  };

  it('says which tensor is missing or has another shape, and that there is no tokenizer', async () => {
    const rejects = async (dir: string, code: string, message: RegExp) =>
      assert.rejects(loadDecoder(dir), { name: 'UserError', code, message });
    const drop = 'model.layers.0.mlp.gate_proj.weight';
    await rejects(await write('missing', { drop }), 'model.missing-tensor', /layers\.0\.mlp\.gate_proj/);
    const wider = await write('shape', { config: { intermediate_size: 50 } });
    await rejects(wider, 'model.wrong-shape', /gate_proj\.weight has shape \[48, 32\] where .* \[50, 32\]/);
    await rejects(await write('no-tokenizer', { tokenizer: false }), 'model.no-tokenizer', /tokenizer\.json/);
  });
});
