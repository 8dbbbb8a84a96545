import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { exportCheckpoint } from '../../../core/checkpoint/export';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { withCheckpoints } from '../../../core/checkpoint/open';
import { float32Tensor, type TensorToWrite } from '../../../core/checkpoint/safetensors-writer';
import { summarize } from '../../../core/checkpoint/summary';
import { diffCheckpoints } from '../../../core/inspection/diff';
import { floats, type HostTensor } from '../../../core/engine/host';
import { plrd } from '../../../core/methods/plrd';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { startOf } from '../../../core/comparison/vision/start';
import { SkipVitConfig } from '../../../core/methods/skipvit/config';
import { openLanguageTask } from '../../../core/methods/swiftlearn/data/language-task';
import { SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { loadEncoder } from '../../../core/models/encoder/checkpoint';
import { parseEncoderConfig } from '../../../core/models/encoder/config';
import { loadVit } from '../../../core/models/vit/checkpoint';
import { randomEncoder, TINY_BERT } from '../../unit/models/encoder/tiny';
import { randomWeights, TINY, tinyConfig } from '../../unit/models/tiny';
import { randomVit, TINY_VIT, tinyVit } from '../../unit/models/vit/tiny';
import { tempFolder } from './temp-folder';

type Dtype = TensorToWrite['dtype'];

const LAYER = 'model.layers.0.mlp.down_proj';
const WEIGHT = `${LAYER}.weight`;

const plain = (parameters: Readonly<Record<string, HostTensor>>): TensorToWrite[] =>
  Object.entries(parameters).map(([name, tensor]) => float32Tensor(name, tensor.shape, floats(tensor)));

/** Of a value; one of the others. */
const BYTES = new Map<string, number>([
  ['I64', 8],
  ['I32', 4],
  ['U32', 4],
  ['F16', 2],
  ['F32', 4],
]);

/** Codes that are not all the same: a test on zeros sees nothing. */
const coded = (name: string, dtype: Dtype, shape: readonly number[]): TensorToWrite => {
  const bytes = BYTES.get(dtype) ?? 1;
  const count = shape.reduce((product, length) => product * length, 1);
  return { name, dtype, shape, data: Uint8Array.from({ length: count * bytes }, (_, i) => 17 + ((i * 31) % 90)) };
};

interface Layout {
  readonly config?: Readonly<Record<string, unknown>>;
  /** What stands in the place of one weight [32, 48]. */
  readonly tensors?: readonly TensorToWrite[];
  /** What the error must name. */
  readonly names: RegExp;
}

const scales = (name: string, shape: readonly number[] = [32, 1]) =>
  float32Tensor(`${LAYER}.${name}`, shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.01));

const LAYOUTS: Readonly<Record<string, Layout>> = {
  'FP8 of compressed-tensors': {
    config: { quantization_config: { quant_method: 'compressed-tensors', format: 'float-quantized' } },
    tensors: [coded(WEIGHT, 'F8_E4M3', [32, 48]), scales('weight_scale')],
    names: /quantization_config with quant_method "compressed-tensors"/,
  },
  'FP8 with block scales, of which the config says nothing': {
    tensors: [coded(WEIGHT, 'F8_E4M3', [32, 48]), scales('weight_scale_inv', [1, 1])],
    names: /weight_scale_inv.*FP8/,
  },
  'FP8 without scales': { tensors: [coded(WEIGHT, 'F8_E5M2', [32, 48])], names: /down_proj\.weight.* F8_E5M2/ },
  'INT8 of bitsandbytes': {
    config: { quantization_config: { load_in_8bit: true } },
    tensors: [coded(WEIGHT, 'I8', [32, 48]), scales('SCB', [32])],
    names: /quantization_config with 8 bits/,
  },
  'INT8 without a word': { tensors: [coded(WEIGHT, 'I8', [32, 48])], names: /down_proj\.weight.* I8/ },
  'NF4 of bitsandbytes': {
    tensors: [
      coded(WEIGHT, 'U8', [768, 1]),
      coded(`${WEIGHT}.absmax`, 'F32', [24]),
      coded(`${WEIGHT}.quant_map`, 'F32', [16]),
      coded(`${WEIGHT}.quant_state.bitsandbytes__nf4`, 'U8', [90]),
    ],
    names: /down_proj\.weight/,
  },
  GPTQ: {
    config: { quantization_config: { quant_method: 'gptq', bits: 4 } },
    tensors: [
      coded(`${LAYER}.qweight`, 'I32', [6, 32]),
      coded(`${LAYER}.qzeros`, 'I32', [1, 4]),
      coded(`${LAYER}.g_idx`, 'I32', [48]),
      coded(`${LAYER}.scales`, 'F16', [1, 32]),
    ],
    names: /quant_method "gptq", 4 bits/,
  },
  'AWQ, of which the config says nothing': {
    tensors: [
      coded(`${LAYER}.qweight`, 'I32', [48, 4]),
      coded(`${LAYER}.qzeros`, 'I32', [1, 4]),
      coded(`${LAYER}.scales`, 'F16', [1, 32]),
    ],
    names: /down_proj\.q.* \(GPTQ or AWQ\)/,
  },
  'packed integers of compressed-tensors': {
    tensors: [
      coded(`${LAYER}.weight_packed`, 'I32', [32, 6]),
      scales('weight_scale'),
      coded(`${LAYER}.weight_shape`, 'I64', [2]),
    ],
    names: /weight_(packed|shape|scale)/,
  },
  MXFP4: {
    config: { quantization_config: { quant_method: 'mxfp4' } },
    tensors: [coded(`${LAYER}_blocks`, 'U8', [32, 2, 16]), coded(`${LAYER}_scales`, 'U8', [32, 2])],
    names: /"mxfp4"/,
  },
  HQQ: { tensors: [coded(`${LAYER}.W_q`, 'U8', [24, 32]), scales('scale')], names: /W_q.*HQQ/ },
  torchao: {
    tensors: [coded(`${WEIGHT}:_data`, 'I8', [32, 48]), scales('weight:_scale')],
    names: /weight:_(data|scale).* torchao/,
  },
  'MLX integers': {
    config: { quantization: { group_size: 64, bits: 4 } },
    tensors: [coded(WEIGHT, 'U32', [32, 6]), coded(`${LAYER}.scales`, 'F16', [32, 1])],
    names: /quantization with 4 bits/,
  },
  'a key left in the config of plain weights': {
    config: { quantization_config: { quant_method: 'fp8' } },
    names: /"fp8"/,
  },
  'scales beside weights of the right shape': { tensors: [scales('input_scale', [1])], names: /input_scale/ },
};

describe('Quantized weights', () => {
  for (const [name, { config = {}, tensors = [], names }] of Object.entries(LAYOUTS))
    it(`as ${name}: refused wherever they would be computed with or written, and shown all the same`, async (t) => {
      const folder = await tempFolder(t);
      const dense = plain(randomWeights(tinyConfig(), 1));
      const replaces = tensors.some((tensor) => tensor.name !== `${LAYER}.input_scale`);
      const kept = dense.filter((tensor) => !replaces || tensor.name !== WEIGHT);
      const dir = path.join(folder, 'model');
      await writeModelFolder(dir, {
        config: { ...TINY, ...config },
        tensors: [...kept, ...tensors],
        tokenizerFrom: Buffer.from('{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}'),
      });
      await writeFile(path.join(folder, 'text.txt'), 'a '.repeat(2000));
      const refused = { name: 'UserError', code: 'model.quantized', message: names };
      await assert.rejects(loadDecoder(dir), refused);
      const spec = PlrdConfig.parse({ parent: dir, data: { source: path.join(folder, 'text.txt'), blockLength: 8 } });
      await assert.rejects(Promise.resolve(plrd.plan(spec, { baseDir: folder })), refused);
      const language = SwiftLearnConfig.parse({
        language: { model: dir, data: { source: 'text.txt', blockLength: 8 } },
      });
      await assert.rejects(openLanguageTask(language.language!, folder), refused);
      await assert.rejects(exportCheckpoint(dir, path.join(folder, 'to')), refused);
      await assert.rejects(exportCheckpoint(dir, path.join(folder, 'to'), { dtype: 'BF16', merge: true }), refused);

      const model = await openModelFolder(dir);
      assert.equal(summarize(model).tensorCount, kept.length + tensors.length);
      await model.close();
      const same = await withCheckpoints([dir, dir], (a, b) => diffCheckpoints(a.reader, b.reader));
      assert.deepEqual([same.identical, same.differences], [kept.length + tensors.length, []]);
    });

  it('are refused in encoders and vision transformers too', async (t) => {
    const folder = await tempFolder(t);
    const encoder = path.join(folder, 'encoder');
    const query = 'bert.encoder.layer.0.attention.self.query.weight';
    const dense = plain(randomEncoder(parseEncoderConfig(TINY_BERT), 'none', 1));
    await writeModelFolder(encoder, {
      config: TINY_BERT,
      tensors: dense.map((tensor) => (tensor.name === query ? coded(query, 'I8', tensor.shape) : tensor)),
      tokenizerFrom: Buffer.from('{}'),
    });
    const refused = { code: 'model.quantized', message: /query\.weight.* I8/ };
    await assert.rejects(loadEncoder(encoder, { head: 'sequence' }), refused);
    await assert.rejects(exportCheckpoint(encoder, path.join(folder, 'to')), refused);

    const vit = path.join(folder, 'vit');
    const images = plain(randomVit(tinyVit(), 1));
    await writeModelFolder(vit, {
      config: { ...TINY_VIT, quantization_config: { quant_method: 'quanto' } },
      tensors: images,
    });
    await assert.rejects(loadVit(vit), { code: 'model.quantized', message: /"quanto"/, hint: /delete that key/ });
    const { model } = SkipVitConfig.parse({ model: { from: vit } });
    await assert.rejects(startOf(model, { classes: ['a', 'b', 'c'], channels: 3 }, '/'), { code: 'model.quantized' });
  });

  it('are not seen where integers are no weights', async (t) => {
    const folder = await tempFolder(t);
    const dir = path.join(folder, 'model');
    const tensors = [
      float32Tensor('norm.weight', [2], Float32Array.of(1, 2)),
      coded('embeddings.position_ids', 'I64', [1, 4]),
      coded('h.0.attn.bias', 'U8', [1, 1, 4, 4]),
      coded('h.0.attn.masked_bias', 'F16', [1]),
    ];
    await writeModelFolder(dir, { config: { model_type: 'gpt2', quantization_config: null }, tensors });
    assert.equal((await exportCheckpoint(dir, path.join(folder, 'to'))).tensors, 4);
  });
});

describe('Tensors that the config does not account for', () => {
  const write = async (dir: string, config: object, tensors: readonly TensorToWrite[]) => {
    const tokenizerFrom = Buffer.from('{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}');
    await writeModelFolder(dir, { config: { ...TINY, ...config }, tensors, tokenizerFrom });
    return dir;
  };
  const dense = plain(randomWeights(tinyConfig(), 1));
  const embedding = dense.find(({ name }) => name === 'model.embed_tokens.weight')!;

  it('are named: more layers, norms, biases, other heads', async (t) => {
    const folder = await tempFolder(t);
    for (const name of [
      'model.layers.2.input_layernorm.weight',
      'model.layers.0.self_attn.q_norm.weight',
      'model.layers.0.self_attn.q_proj.bias',
      'model.layers.0.mlp.experts.0.up_proj.weight',
      'score.weight',
    ]) {
      const dir = await write(path.join(folder, name), {}, [...dense, float32Tensor(name, [2], Float32Array.of(1, 2))]);
      await assert.rejects(loadDecoder(dir), { code: 'model.unexpected-tensor', message: new RegExp(name) });
    }
    const vit = path.join(folder, 'vit');
    const extra = float32Tensor('vit.encoder.layer.0.layerscale', [24], new Float32Array(24).fill(0.1));
    await writeModelFolder(vit, { config: TINY_VIT, tensors: [...plain(randomVit(tinyVit(), 1)), extra] });
    await assert.rejects(loadVit(vit), { code: 'model.unexpected-tensor', message: /layerscale/ });
    const encoder = path.join(folder, 'encoder');
    const distances = 'bert.encoder.layer.0.attention.self.distance_embedding.weight';
    await writeModelFolder(encoder, {
      config: TINY_BERT,
      tensors: [
        ...plain(randomEncoder(parseEncoderConfig(TINY_BERT), 'none', 1)),
        float32Tensor(distances, [2], Float32Array.of(1, 2)),
      ],
      tokenizerFrom: Buffer.from('{}'),
    });
    await assert.rejects(loadEncoder(encoder, { head: 'none' }), {
      code: 'model.unexpected-tensor',
      message: /distance_embedding/,
    });
  });

  it('are passed over where they follow from the config', async (t) => {
    const folder = await tempFolder(t);
    const buffers = [
      'model.layers.0.self_attn.rotary_emb.inv_freq',
      'model.rotary_emb.inv_freq',
      'model.layers.0.self_attn.masked_bias',
    ].map((name) => float32Tensor(name, [4], Float32Array.of(1, 2, 3, 4)));
    const dir = await write(path.join(folder, 'a'), {}, [...dense, ...buffers]);
    assert.deepEqual((await loadDecoder(dir)).parameters, randomWeights(tinyConfig(), 1));
    const vit = path.join(folder, 'vit');
    const pooler = float32Tensor('vit.pooler.dense.bias', [24], new Float32Array(24));
    await writeModelFolder(vit, { config: TINY_VIT, tensors: [...plain(randomVit(tinyVit(), 1)), pooler] });
    await loadVit(vit);
    const encoder = path.join(folder, 'encoder');
    await writeModelFolder(encoder, {
      config: TINY_BERT,
      tensors: [
        ...plain(randomEncoder(parseEncoderConfig(TINY_BERT), 'none', 1)),
        coded('bert.embeddings.position_ids', 'I64', [1, 4]),
        float32Tensor('cls.seq_relationship.bias', [2], Float32Array.of(1, 2)),
        float32Tensor('qa_outputs.bias', [2], Float32Array.of(1, 2)),
      ],
      tokenizerFrom: Buffer.from('{}'),
    });
    await loadEncoder(encoder, { head: 'sequence' });
  });

  it('are a head: four cases of a tie', async (t) => {
    const folder = await tempFolder(t);
    const values = floats(randomWeights(tinyConfig(), 1)['model.embed_tokens.weight']!);
    const head = (numbers: Float32Array, dtype: 'F32' | 'F16' = 'F32') =>
      float32Tensor('lm_head.weight', embedding.shape, numbers, dtype);
    const load = async (name: string, tie: unknown, ...more: TensorToWrite[]) =>
      loadDecoder(await write(path.join(folder, name), { tie_word_embeddings: tie }, [...dense, ...more]));
    const tied = async (...args: Parameters<typeof load>) => {
      const { config, json, parameters } = await load(...args);
      assert.equal(json.tie_word_embeddings ?? false, config.tied);
      assert.equal('lm_head.weight' in parameters, !config.tied);
      return config.tied;
    };
    assert.equal(await tied('tied-absent', true), true);
    assert.equal(await tied('tied-equal', true, head(values)), true);
    const other = values.map((x, i) => (i === values.length - 1 ? x + 1 : x));
    assert.equal(await tied('tied-other', true, head(other)), false);
    assert.equal(await tied('untied', false, head(other)), false);
    const missing = { code: 'model.missing-tensor', message: /lm_head\.weight.* tie/, hint: /tie_word_embeddings/ };
    await assert.rejects(load('untied-absent', false), missing);
    await assert.rejects(load('absent', undefined), missing);
    // Rounded, it is another head: the embedding's numbers are not all halves.
    assert.equal(await tied('tied-rounded', true, head(values, 'F16')), false);
    const short = float32Tensor('lm_head.weight', [60, 32], values.subarray(0, 60 * 32));
    await assert.rejects(load('tied-short', true, short), { code: 'model.wrong-shape', message: /lm_head/ });
  });

  it('are a vocabulary head of an encoder that differs from what it is tied to', async (t) => {
    const folder = await tempFolder(t);
    const parameters = randomEncoder(parseEncoderConfig(TINY_BERT), 'masked', 1);
    const words = parameters['bert.embeddings.word_embeddings.weight']!;
    const load = async (name: string, decoder: Float32Array) => {
      const dir = path.join(folder, name);
      await writeModelFolder(dir, {
        config: TINY_BERT,
        tensors: [...plain(parameters), float32Tensor('cls.predictions.decoder.weight', words.shape, decoder)],
        tokenizerFrom: Buffer.from('{}'),
      });
      return loadEncoder(dir, { head: 'masked' });
    };
    assert.deepEqual((await load('same', floats(words))).parameters, parameters);
    await assert.rejects(
      load(
        'other',
        floats(words).map((x) => -x),
      ),
      { code: 'model.tied-head', message: /decoder\.weight/, hint: /tie_word_embeddings/ },
    );
  });
});
