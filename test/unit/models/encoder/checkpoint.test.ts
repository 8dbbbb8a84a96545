import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { writeModelFolder } from '../../../../core/checkpoint/model-folder-writer';
import { float32Tensor } from '../../../../core/checkpoint/safetensors-writer';
import { f32, floats, type HostTensor } from '../../../../core/engine/host';
import type { Named } from '../../../../core/engine/optimizer';
import { loadEncoder, saveEncoder } from '../../../../core/models/encoder/checkpoint';
import { parseEncoderConfig } from '../../../../core/models/encoder/config';
import { withHead } from '../../../../core/models/encoder/config-head';
import { initializeEncoder } from '../../../../core/models/encoder/initialize';
import { randomEncoder, TINY_BERT, TINY_DISTILBERT, tinyEncoder, TOKENIZER } from './tiny';

const META = { kind: 'model', step: 3, phase: 'test', metrics: {} } as const;
const CLASSIFIER = ['classifier.weight', 'classifier.bias'];

describe('a checkpoint of an encoder', () => {
  let root: string;
  let count = 0;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-encoder-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  /** A folder with these tensors. */
  async function folderOf(json: Readonly<Record<string, unknown>>, tensors: Named<HostTensor>): Promise<string> {
    const dir = path.join(root, String(count++));
    await writeModelFolder(dir, {
      config: json,
      tensors: Object.entries(tensors).map(([name, tensor]) => float32Tensor(name, tensor.shape, floats(tensor))),
      tokenizerFrom: Buffer.from(TOKENIZER),
    });
    return dir;
  }

  for (const json of [TINY_BERT, TINY_DISTILBERT])
    for (const head of ['sequence', 'masked', 'none'] as const)
      it(`of a ${json.model_type} with head '${head}' comes back to the bit`, async () => {
        const parameters = randomEncoder(parseEncoderConfig(json), head, 4);
        const dir = path.join(root, String(count++));
        const labels = ['a', 'b', 'c'];
        await saveEncoder(dir, {
          json: withHead({ ...json, finetuning_task: 'else' }, head, labels),
          parameters,
          tokenizerFrom: Buffer.from(TOKENIZER),
          dtype: 'F32',
          meta: META,
        });
        const loaded = await loadEncoder(dir, { head });
        assert.deepEqual(loaded.parameters, parameters);
        assert.deepEqual(loaded.fresh, []);
        assert.equal(loaded.json.finetuning_task, 'else');
        assert.deepEqual(loaded.config.labels, labels);
      });

  it('without the head gets a fresh one of the classes that are asked for, the same for the same seed', async () => {
    const dir = await folderOf(TINY_BERT, randomEncoder(tinyEncoder(), 'masked', 5));
    const labels = ['yes', 'no'];
    const load = (seed: number) => loadEncoder(dir, { head: 'sequence', labels, seed });
    const loaded = await load(1);
    assert.deepEqual(
      [...loaded.fresh].sort(),
      ['bert.pooler.dense.bias', 'bert.pooler.dense.weight', ...CLASSIFIER].sort(),
    );
    assert.deepEqual(loaded.config.labels, labels);
    assert.deepEqual(loaded.json.id2label, { 0: 'yes', 1: 'no' });
    assert.deepEqual(loaded.parameters['classifier.weight']?.shape, [2, 24]);
    assert.deepEqual((await load(1)).parameters, loaded.parameters);
    assert.notDeepEqual((await load(2)).parameters, loaded.parameters);
    assert.ok(!('cls.predictions.bias' in loaded.parameters), 'what another head needs is left out');
  });

  it('of other classes keeps its pooler, and gets a fresh classifier', async () => {
    const dir = await folderOf(TINY_BERT, randomEncoder(tinyEncoder(), 'sequence', 5));
    const load = (labels: readonly string[]) => loadEncoder(dir, { head: 'sequence', labels });
    assert.deepEqual((await load(['a', 'b', 'c'])).fresh, []);
    // As many, but in another order: the rows would stand for other classes.
    for (const labels of [['c', 'b', 'a'], ['a', 'b'], ['score']])
      assert.deepEqual([...(await load(labels)).fresh].sort(), [...CLASSIFIER].sort());
    const unnamed = { ...TINY_BERT, id2label: { 0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2' } };
    const plain = await folderOf(unnamed, randomEncoder(tinyEncoder(), 'sequence', 5));
    assert.deepEqual((await loadEncoder(plain, { head: 'sequence', labels: ['x', 'y', 'z'] })).fresh, []);
  });

  it('of a bare model is read without the prefix of the family', async () => {
    const parameters = randomEncoder(tinyEncoder(), 'sequence', 6);
    const bare = Object.fromEntries(
      Object.entries(parameters)
        .filter(([name]) => name.startsWith('bert.'))
        .map(([name, tensor]) => [name.slice('bert.'.length), tensor]),
    );
    const loaded = await loadEncoder(await folderOf(TINY_BERT, bare), { head: 'sequence' });
    assert.deepEqual([...loaded.fresh].sort(), [...CLASSIFIER].sort());
    for (const name of Object.keys(parameters).filter((key) => !CLASSIFIER.includes(key)))
      assert.deepEqual(loaded.parameters[name], parameters[name], name);
  });

  it('says what is wrong with a folder', async () => {
    const parameters = randomEncoder(tinyEncoder(), 'none', 7);
    const words = 'bert.embeddings.word_embeddings.weight';
    const rest = Object.fromEntries(Object.entries(parameters).filter(([name]) => name !== words));
    const load = async (json: Readonly<Record<string, unknown>>, tensors: Named<HostTensor>) =>
      loadEncoder(await folderOf(json, tensors), { head: 'none' });
    await assert.rejects(load(TINY_BERT, rest), { code: 'model.missing-tensor', message: /word_embeddings/ });
    const small = { ...parameters, [words]: f32([2, 24], new Float32Array(48)) };
    await assert.rejects(load(TINY_BERT, small), { code: 'model.wrong-shape', message: /\[2, 24\].*\[61, 24\]/ });
    const unknown = { code: 'model.config', hint: /bert, distilbert/ };
    await assert.rejects(load({ ...TINY_BERT, model_type: 'llama' }, parameters), unknown);
    await assert.rejects(load({ ...TINY_BERT, hidden_act: 'relu' }, parameters), {
      code: 'model.config',
      message: /hidden_act/,
    });
    await assert.rejects(load({ ...TINY_BERT, num_attention_heads: 5 }, parameters), { code: 'model.config' });
    const dir = await folderOf(TINY_BERT, parameters);
    await rm(path.join(dir, 'tokenizer.json'));
    await assert.rejects(loadEncoder(dir, { head: 'none' }), { code: 'model.no-tokenizer' });
  });

  it('names its head, its classes and its number format as transformers reads them', async () => {
    const dir = path.join(root, String(count++));
    const json = withHead(TINY_BERT, 'sequence', ['score']);
    const config = parseEncoderConfig(json);
    const parameters = initializeEncoder(config, 'sequence', 1);
    await writeFile(path.join(root, 'tokenizer.json'), TOKENIZER);
    await saveEncoder(dir, {
      json,
      parameters,
      tokenizerFrom: path.join(root, 'tokenizer.json'),
      dtype: 'F16',
      meta: META,
    });
    const saved = z.looseObject({}).parse(JSON.parse(await readFile(path.join(dir, 'config.json'), 'utf8')));
    assert.deepEqual(saved.architectures, ['BertForSequenceClassification']);
    assert.deepEqual(saved.label2id, { score: 0 });
    assert.equal(saved.problem_type, 'regression');
    assert.equal(saved.torch_dtype, 'float16');
  });
});
