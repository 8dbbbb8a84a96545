import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { exportCheckpoint } from '../../../core/checkpoint/export';
import { readExtraFiles } from '../../../core/checkpoint/extra-files';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { float32Tensor } from '../../../core/checkpoint/safetensors-writer';
import { loadDecoder, saveDecoder } from '../../../core/models/decoder/checkpoint';
import { loadEncoder, saveEncoder } from '../../../core/models/encoder/checkpoint';
import { parseEncoderConfig } from '../../../core/models/encoder/config';
import { loadVit, saveVit } from '../../../core/models/vit/checkpoint';
import { randomEncoder, TINY_BERT } from '../../unit/models/encoder/tiny';
import { floats, type HostTensor } from '../../../core/engine/host';
import { randomWeights, TINY, tinyConfig } from '../../unit/models/tiny';
import { randomVit, TINY_VIT, tinyVit } from '../../unit/models/vit/tiny';
import { tempFolder } from './temp-folder';

const TOKENIZER = '{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}';
const META = { kind: 'model', step: 1, phase: 'test', metrics: {} } as const;

/** What travels, with bytes that a rewrite would change. */
const TRAVELS: Readonly<Record<string, string>> = {
  'tokenizer_config.json': '{"eos_token":"<|im_end|>",\r\n "tokenizer_class": "X", "model_max_length": 1e30}',
  'generation_config.json': '{ "eos_token_id": [2, 5] }',
  'special_tokens_map.json': '\ufeff{}',
  'added_tokens.json': '{"<|im_end|>": 3}',
  'chat_template.jinja': '{{ messages }}\n\n',
  'chat_template.json': '{"chat_template": ""}',
  'additional_chat_templates/tools.jinja': '{{ tools }}',
  'preprocessor_config.json': '{"do_resize": true}',
  'processor_config.json': '{}',
  'vocab.json': '{"a":0}',
  'vocab.txt': 'a\n',
  'merges.txt': '#version\n',
  'tokenizer.model': '\u0000\u0001',
  'spiece.model': '\u0000',
  'README.md': '# of the parent\n',
  LICENSE: 'Apache',
  'modeling_own.py': 'pass\n',
  'something.yaml': 'new: 1\n',
};

/** What stays behind without a word: other weights, training, Winnow's own. */
const STAYS = [
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'model-00001-of-00002.safetensors',
  'model.q4.gguf',
  'model.onnx',
  'model.onnx_data',
  'tf_model.h5',
  'flax_model.msgpack',
  'consolidated.00.pth',
  'optimizer.pt',
  'optimizer.safetensors',
  'scheduler.pt',
  'rng_state_0.pth',
  'training_args.bin',
  'trainer_state.json',
  'all_results.json',
  'quantize_config.json',
  'hf_quant_config.json',
  'adapter_config.json',
  'meta.json',
  '.gitattributes',
  '.DS_Store',
  'train.jsonl',
  'backup.zip',
];

/** Folders, and what a person may miss. */
const FOLDERS = ['original', 'onnx', 'runs', 'checkpoint-500'];

async function fill(dir: string): Promise<void> {
  for (const folder of [...FOLDERS, 'additional_chat_templates']) await mkdir(path.join(dir, folder));
  for (const folder of FOLDERS) await writeFile(path.join(dir, folder, 'params.json'), '{}');
  for (const [name, text] of Object.entries(TRAVELS)) await writeFile(path.join(dir, name), text);
  for (const name of STAYS) await writeFile(path.join(dir, name), 'x');
}

const entries = async (dir: string): Promise<string[]> => {
  const found = await readdir(dir, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(dir, path.join(parentPath, name)).replaceAll('\\', '/'))
    .sort();
};

async function requireTraveled(dir: string, written: readonly string[], but: readonly string[] = []): Promise<void> {
  assert.deepEqual(await entries(dir), [...new Set([...Object.keys(TRAVELS), ...written])].sort());
  for (const [name, text] of Object.entries(TRAVELS))
    if (!but.includes(name)) assert.equal(await readFile(path.join(dir, name), 'utf8'), text, name);
}

const plain = (parameters: Readonly<Record<string, HostTensor>>) =>
  Object.entries(parameters).map(([name, tensor]) => float32Tensor(name, tensor.shape, floats(tensor)));

describe('What travels with a model', () => {
  const own = ['config.json', 'model.safetensors', 'tokenizer.json'];

  it('is everything that is no weight, into a member of a decoder and into what is made of that', async (t) => {
    const folder = await tempFolder(t);
    const parent = path.join(folder, 'parent');
    const config = { ...TINY, transformers_version: '4.44.2', tokenizer_class: 'X', eos_token_id: [2, 5] };
    await writeModelFolder(parent, {
      config,
      tensors: plain(randomWeights(tinyConfig(), 1)),
      tokenizerFrom: Buffer.from(TOKENIZER),
    });
    await fill(parent);
    const save = async (from: string, to: string) => {
      const loaded = await loadDecoder(path.join(folder, from));
      const { tokenizerPath: tokenizerFrom } = loaded;
      await saveDecoder(path.join(folder, to), { ...loaded, tokenizerFrom, dtype: 'F16', meta: META });
    };
    await save('parent', 'member');
    await save('member', 'grandchild');
    for (const name of ['member', 'grandchild']) {
      const dir = path.join(folder, name);
      await requireTraveled(dir, [...own, 'meta.json']);
      const written = JSON.parse(await readFile(path.join(dir, 'config.json'), 'utf8')) as unknown;
      assert.deepEqual(written, { ...config, torch_dtype: 'float16' });
    }
  });

  it('is the same for an encoder and a vision transformer, whose preparation of images is that of the training', async (t) => {
    const folder = await tempFolder(t);
    const encoder = path.join(folder, 'encoder');
    const parameters = randomEncoder(parseEncoderConfig(TINY_BERT), 'sequence', 1);
    await writeModelFolder(encoder, {
      config: { ...TINY_BERT, hidden_dropout_prob: 0.1 },
      configText: JSON.stringify({ ...TINY_BERT, hidden_dropout_prob: 0.1 }).replace('0.1', '0.10'),
      tensors: plain(parameters),
      tokenizerFrom: Buffer.from('{}'),
    });
    await fill(encoder);
    const loaded = await loadEncoder(encoder, { head: 'sequence', labels: ['x', 'y', 'z'] });
    const to = path.join(folder, 'to');
    await saveEncoder(to, { ...loaded, tokenizerFrom: loaded.tokenizerPath, dtype: 'F32', meta: META });
    await requireTraveled(to, [...own, 'meta.json']);
    assert.match(await readFile(path.join(to, 'config.json'), 'utf8'), /"hidden_dropout_prob": 0\.10,/);

    const vit = path.join(folder, 'vit');
    await writeModelFolder(vit, { config: TINY_VIT, tensors: plain(randomVit(tinyVit(), 1)) });
    await fill(vit);
    const image = path.join(folder, 'image');
    const normalization = { mean: [0.5, 0.5, 0.5], deviation: [1, 2, 3] };
    await saveVit(image, { ...(await loadVit(vit)), normalization, dtype: 'F32', meta: META });
    await requireTraveled(image, ['config.json', 'model.safetensors', 'meta.json'], ['preprocessor_config.json']);
    assert.match(await readFile(path.join(image, 'preprocessor_config.json'), 'utf8'), /"image_std"/);
  });

  it('is the same for an export, which names what it left', async (t) => {
    const folder = await tempFolder(t);
    const from = path.join(folder, 'from');
    const config = { model_type: 'gpt2', quantization_config: null, unknown_to_winnow: { a: 1 } };
    await writeModelFolder(from, {
      config,
      tensors: [float32Tensor('w', [1], Float32Array.of(1))],
      tokenizerFrom: Buffer.from(TOKENIZER),
    });
    await fill(from);
    const to = path.join(folder, 'to');
    const { copied, left } = await exportCheckpoint(from, to, { dtype: 'BF16' });
    await requireTraveled(to, own);
    assert.deepEqual([...copied].sort(), [...Object.keys(TRAVELS), 'tokenizer.json'].sort());
    assert.deepEqual([...left].sort(), FOLDERS.map((name) => `${name}/`).sort());
    const model = await openModelFolder(to);
    assert.deepEqual(model.config, { ...config, torch_dtype: 'bfloat16' });
    await model.close();
  });

  it('is what links lead to, and nothing that is large', async (t) => {
    const folder = await tempFolder(t);
    const cache = path.join(folder, 'cache');
    const snapshot = path.join(folder, 'snapshot');
    for (const dir of [cache, snapshot]) await mkdir(dir);
    await writeFile(path.join(cache, 'blob'), '{"a": 1}');
    await symlink(path.join(cache, 'blob'), path.join(snapshot, 'tokenizer_config.json'));
    await symlink(path.join(cache, 'nothing'), path.join(snapshot, 'generation_config.json'));
    await writeFile(path.join(snapshot, 'large.json'), '');
    await truncate(path.join(snapshot, 'large.json'), 65 * 2 ** 20);
    const { files, left } = await readExtraFiles(snapshot);
    assert.deepEqual(Object.keys(files), ['tokenizer_config.json']);
    assert.equal(Buffer.from(files['tokenizer_config.json']!).toString(), '{"a": 1}');
    assert.deepEqual(left, ['large.json']);
  });
});

describe('A folder whose weights are in another format', () => {
  const CASES: Readonly<Record<string, { message: RegExp; hint: RegExp }>> = {
    'model-q4_k_m.gguf': { message: /GGUF weights \(model-q4_k_m\.gguf\)/, hint: /gguf_file/ },
    'pytorch_model.bin': { message: /PyTorch weights/, hint: /save_pretrained/ },
    'pytorch_model.bin.index.json': { message: /PyTorch weights/, hint: /save_pretrained/ },
    'consolidated.00.pth': { message: /PyTorch weights/, hint: /save_pretrained/ },
    'model.pt': { message: /PyTorch weights/, hint: /save_pretrained/ },
    'model.onnx': { message: /an ONNX model/, hint: /exported from/ },
    'flax_model.msgpack': { message: /Flax weights/, hint: /from_flax/ },
    'tf_model.h5': { message: /TensorFlow weights/, hint: /from_tf/ },
    'model.ckpt.index': { message: /TensorFlow weights/, hint: /from_tf/ },
    'openvino_model.bin': { message: /OpenVINO/, hint: /original/ },
    'adapter_model.safetensors': { message: /an adapter/, hint: /merge_and_unload/ },
    'consolidated.safetensors': { message: /under another name/, hint: /rename/ },
  };
  for (const [file, { message, hint }] of Object.entries(CASES))
    for (const config of [true, false])
      it(`(${file}, ${config ? 'with' : 'without'} a config) is named as what it is, and how to convert it`, async (t) => {
        const dir = await tempFolder(t);
        if (config) await writeFile(path.join(dir, 'config.json'), '{"model_type": "llama"}');
        await writeFile(path.join(dir, file), 'GGUF');
        await assert.rejects(openModelFolder(dir), { name: 'UserError', code: 'model.no-weights', message, hint });
      });
});

describe('config.json', () => {
  it('may begin with a byte order mark, which a copy does not have; UTF-16 is said to be', async (t) => {
    const folder = await tempFolder(t);
    const from = path.join(folder, 'from');
    await writeModelFolder(from, { config: {}, tensors: [float32Tensor('w', [1], Float32Array.of(1))] });
    const text = '{\n  "model_type": "llama",\n  "eps": 1e-06\n}\n';
    await writeFile(path.join(from, 'config.json'), `\ufeff${text}`);
    const model = await openModelFolder(from);
    assert.deepEqual([model.config, model.configText], [JSON.parse(text), text]);
    await model.close();
    await exportCheckpoint(from, path.join(folder, 'to'));
    assert.equal(await readFile(path.join(folder, 'to', 'config.json'), 'utf8'), text);
    await writeFile(path.join(from, 'config.json'), Buffer.from(`\ufeff${text}`, 'utf16le'));
    await assert.rejects(openModelFolder(from), { code: 'model.bad-json', message: /UTF-16/, hint: /UTF-8/ });
  });
});
