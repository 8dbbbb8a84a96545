import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fingerprintModel } from '../../../core/checkpoint/fingerprint';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { writeModelFolder, type ModelToWrite } from '../../../core/checkpoint/model-folder-writer';
import { float32Tensor, writeSafetensors } from '../../../core/checkpoint/safetensors-writer';
import { summarize } from '../../../core/checkpoint/summary';
import { tempFolder } from './temp-folder';

const tensor = (name: string, ...values: number[]) => float32Tensor(name, [values.length], Float32Array.from(values));
const tensors = [tensor('a.weight', 1, 2, 3), tensor('b.weight', 4), tensor('c.weight', 5, 6), tensor('d.weight', 7)];
const configText = '{"model_type": "llama", "rope_theta": 10000.0}\n';
const config = { model_type: 'llama', rope_theta: 10000 };
const tokenizer = new TextEncoder().encode('{"version": "1.0", "é":1}');
const model: ModelToWrite = { config, configText, tensors, tokenizerFrom: tokenizer };
const SHARD = 12; // bytes: three values

const fingerprint = async (dir: string) => {
  const folder = await openModelFolder(dir);
  const digest = await fingerprintModel(folder);
  await folder.close();
  return digest;
};

describe('model folders', () => {
  it('round trip in one file, with configuration and tokenizer as they were', async (test) => {
    const dir = path.join(await tempFolder(test), 'model');
    const extraFiles = { 'tokenizer_config.json': '{}', 'state.bin': Uint8Array.of(1) };
    await writeModelFolder(dir, { ...model, extraFiles, metadata: { step: '3' } });
    const files = ['config.json', 'model.safetensors', 'state.bin', 'tokenizer.json', 'tokenizer_config.json'];
    assert.deepEqual((await readdir(dir)).sort(), files);
    assert.equal(await readFile(path.join(dir, 'config.json'), 'utf8'), configText);
    assert.deepEqual(new Uint8Array(await readFile(path.join(dir, 'tokenizer.json'))), tokenizer);
    const read = await openModelFolder(dir);
    assert.deepEqual(read.config, config);
    assert.equal(read.tokenizerPath, path.join(dir, 'tokenizer.json'));
    assert.deepEqual(read.metadata, { format: 'pt', step: '3' });
    assert.deepEqual([read.parameterCount, read.totalBytes], [7, 28]);
    assert.deepEqual([...(await read.readFloat32('c.weight'))], [5, 6]);
    assert.equal(summarize(read).modelType, 'llama');
    await assert.rejects(read.readBytes('none'), { code: 'safetensors.no-tensor' });
    await read.close();
  });

  it('round trip in shards, each within the limit', async (test) => {
    const dir = path.join(await tempFolder(test), 'model');
    const large = tensor('large.weight', 8, 9, 10, 11);
    await writeModelFolder(dir, { ...model, tensors: [...tensors, large], maxShardBytes: SHARD });
    const shards = [1, 2, 3, 4].map((i) => `model-0000${i}-of-00004.safetensors`);
    assert.deepEqual((await readdir(dir)).sort(), [
      'config.json',
      ...shards,
      'model.safetensors.index.json',
      'tokenizer.json',
    ]);
    const index: unknown = JSON.parse(await readFile(path.join(dir, 'model.safetensors.index.json'), 'utf8'));
    const [first, second, third, fourth] = shards;
    const weightMap = {
      'a.weight': first,
      'b.weight': second,
      'c.weight': second,
      'd.weight': third,
      'large.weight': fourth,
    };
    assert.deepEqual(index, { metadata: { total_size: 44 }, weight_map: weightMap });
    const read = await openModelFolder(dir);
    assert.deepEqual([read.parameterCount, read.totalBytes], [11, 44]);
    const values = await Promise.all([...read.tensors.keys()].map((name) => read.readFloat32(name)));
    assert.deepEqual(
      values.flatMap((array) => [...array]),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    );
    await read.close();
  });

  it('take the place of an older folder as a whole', async (test) => {
    const dir = path.join(await tempFolder(test), 'model');
    await writeModelFolder(dir, { ...model, maxShardBytes: SHARD });
    const old = await openModelFolder(dir);
    // The new content is made from the old, read while it is written.
    const doubled = async () => {
      const values = await old.readFloat32('a.weight');
      return new Uint8Array(values.map((value) => value * 2).buffer);
    };
    const made = { name: 'a.weight', dtype: 'F32' as const, shape: [3], data: doubled };
    await writeModelFolder(dir, { config, tensors: [made], tokenizerFrom: path.join(dir, 'tokenizer.json') });
    await old.close();
    assert.deepEqual((await readdir(dir)).sort(), ['config.json', 'model.safetensors', 'tokenizer.json']);
    const read = await openModelFolder(dir);
    assert.deepEqual([...(await read.readFloat32('a.weight'))], [2, 4, 6]);
    await read.close();
  });

  const failing: [title: string, change: Partial<ModelToWrite>, expected: object][] = [
    [
      'a producer fails',
      { tensors: [...tensors, { ...tensors[0]!, name: 'x', data: () => Promise.reject(new Error('boom')) }] },
      { message: 'boom' },
    ],
    [
      'a count is wrong',
      { tensors: [{ ...tensors[0]!, data: new Uint8Array(1) }] },
      { code: 'safetensors.wrong-byte-count' },
    ],
    [
      'a name is in two shards',
      { tensors: [tensors[0]!, ...tensors], maxShardBytes: SHARD },
      { code: 'safetensors.duplicate-name' },
    ],
    ['there is no tokenizer', { tokenizerFrom: 'nowhere/tokenizer.json' }, { code: 'file.not-found' }],
    ['an extra file leaves the folder', { extraFiles: { '../x': '' } }, { code: 'model.bad-file-name' }],
    ['an extra file is the weights', { extraFiles: { 'model.safetensors': '' } }, { code: 'model.bad-file-name' }],
  ];
  for (const [title, change, expected] of failing) {
    it(`leave the old folder and nothing else when ${title}`, async (test) => {
      const parent = await tempFolder(test);
      const dir = path.join(parent, 'model');
      await writeModelFolder(dir, model);
      const before = await fingerprint(dir);
      await assert.rejects(writeModelFolder(dir, { ...model, ...change }), expected);
      assert.deepEqual(await readdir(parent), ['model']);
      assert.equal(await fingerprint(dir), before);
    });
  }
});

describe('bad model folders', () => {
  const put = (dir: string, name: string, content: string | object) =>
    writeFile(path.join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  const index = (weightMap: unknown) => ({ weight_map: weightMap });
  const INDEX = 'model.safetensors.index.json';

  const cases: [title: string, code: string, fill: (dir: string) => Promise<unknown>][] = [
    ['no folder', 'model.not-a-folder', (dir) => rm(dir, { recursive: true })],
    ['no configuration', 'model.no-config', () => Promise.resolve()],
    ['a broken configuration', 'model.bad-json', (dir) => put(dir, 'config.json', '{')],
    ['an array as configuration', 'model.bad-json', (dir) => put(dir, 'config.json', '[]')],
    ['a folder as configuration', 'file.not-a-file', (dir) => mkdir(path.join(dir, 'config.json'))],
    ['no weights', 'model.no-weights', (dir) => put(dir, 'config.json', '{}')],
  ];
  const indexes: [title: string, code: string, content: string | object][] = [
    ['a broken index', 'model.bad-json', '{"weight_map": '],
    ['an index without a map', 'model.bad-index', {}],
    ['a list as map', 'model.bad-index', index(['a'])],
    ['a number as shard', 'model.bad-index', index({ a: 1 })],
    ['a shard above the folder', 'model.shard-outside', index({ a: '../model.safetensors' })],
    ['a shard at an absolute path', 'model.shard-outside', index({ a: '/etc/passwd' })],
    ['a shard behind a backslash', 'model.shard-outside', index({ a: '..\\x' })],
    ['a shard on another drive', 'model.shard-outside', index({ a: 'C:x' })],
    ['the folder itself as shard', 'model.shard-outside', index({ a: '.' })],
    ['a shard that is not there', 'model.missing-shard', index({ a: 'none.safetensors' })],
    ['a tensor that its shard lacks', 'model.missing-tensor', index({ a: 'one.safetensors', b: 'one.safetensors' })],
    ['a shard that is no safetensors', 'safetensors.empty', index({ a: 'empty.safetensors' })],
  ];
  for (const [title, code, content] of indexes) {
    cases.push([
      title,
      code,
      async (dir) => {
        await put(dir, 'config.json', '{}');
        await put(dir, INDEX, content);
        await put(dir, 'empty.safetensors', '');
        await writeSafetensors(path.join(dir, 'one.safetensors'), [tensor('a', 1)]);
      },
    ]);
  }
  for (const [title, code, fill] of cases) {
    it(`refuses ${title}: ${code}`, async (test) => {
      const dir = await tempFolder(test);
      await fill(dir);
      await assert.rejects(openModelFolder(dir), { name: 'UserError', code });
    });
  }
});

describe('fingerprints', () => {
  it('are of the content: not of the shards, the order or the metadata', async (test) => {
    const folder = await tempFolder(test);
    const variants: ModelToWrite[] = [
      model,
      { ...model, maxShardBytes: SHARD },
      { ...model, tensors: [...tensors].reverse() },
      { ...model, metadata: { step: '3' }, extraFiles: { 'notes.txt': 'x' } },
    ];
    const digests = new Set<string>();
    for (const [i, variant] of variants.entries()) {
      const dir = path.join(folder, String(i));
      await writeModelFolder(dir, variant);
      digests.add(await fingerprint(dir));
    }
    assert.equal(digests.size, 1);
    assert.match([...digests][0]!, /^[0-9a-f]{64}$/);
  });

  it('change with a value, a name, a shape, a dtype, the configuration and the tokenizer', async (test) => {
    const folder = await tempFolder(test);
    const changed = (first: (typeof tensors)[number]) => ({ ...model, tensors: [first, ...tensors.slice(1)] });
    const variants: ModelToWrite[] = [
      model,
      changed(tensor('a.weight', 1, 2, 4)),
      changed(tensor('aa.weight', 1, 2, 3)),
      changed({ ...tensors[0]!, shape: [3, 1] }),
      changed({ ...tensors[0]!, dtype: 'I32' }),
      { ...model, config: { ...config, vocab_size: 3 } },
      { ...model, tokenizerFrom: new TextEncoder().encode('{}') },
      { config, configText, tensors },
      { ...model, extraFiles: { 'tokenizer_config.json': '{"eos_token": "a"}' } },
      { ...model, extraFiles: { 'tokenizer_config.json': '{"eos_token": "b"}' } },
    ];
    const digests = new Set<string>();
    for (const [i, variant] of variants.entries()) {
      const dir = path.join(folder, String(i));
      await writeModelFolder(dir, variant);
      digests.add(await fingerprint(dir));
    }
    assert.equal(digests.size, variants.length);
  });
});
