import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import { endTokens } from '../../../core/models/end-tokens';
import { loadModelTokenizer } from '../../../core/models/model-tokenizer';
import { promptIds } from '../../../core/models/sample';

const special = (id: number, content: string) => ({ id, content, special: true, normalized: false });
const json = {
  model: { type: 'WordLevel', vocab: { a: 0, b: 1, '<unk>': 2 }, unk_token: '<unk>' },
  pre_tokenizer: { type: 'WhitespaceSplit' },
  added_tokens: [special(3, '<s>'), special(4, '</s>')],
};
const begins = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
  special_tokens: { '<s>': { id: '<s>', ids: [3], tokens: ['<s>'] } },
};
const ends = {
  ...begins,
  single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
  special_tokens: { '</s>': { id: '</s>', ids: [4], tokens: ['</s>'] } },
};

describe('sample', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-sample-'));
  });
  after(() => rm(dir, { recursive: true }));

  const write = (file: string, content: unknown) => writeFile(path.join(dir, file), JSON.stringify(content));
  const tokenizerWith = async (config: object, processor: object | null) => {
    await write('tokenizer.json', { ...json, post_processor: processor });
    await write('tokenizer_config.json', config);
    return loadTokenizer(dir);
  };

  it('begins with the start token where the tokenizer has one, and never twice', async () => {
    const plain = await loadTokenizer(json);
    assert.deepEqual(promptIds('a b', plain), [0, 1]);
    assert.deepEqual(promptIds('', plain), [4]);
    const with_ = await loadTokenizer({ ...json, post_processor: begins });
    assert.deepEqual(promptIds('a b', with_), [3, 0, 1]);
    assert.deepEqual(promptIds('<s> a b', with_), [3, 0, 1]);
    assert.deepEqual(promptIds('', with_), [3]);
    // What stands behind a text does not stand before its continuation.
    assert.deepEqual(promptIds('a b', await loadTokenizer({ ...json, post_processor: ends })), [0, 1]);
    const none = { ...json, added_tokens: [] };
    const { encode, startIds } = plain;
    assert.throws(() => promptIds('', { encode, startIds }), { code: 'sample.no-start' });
    assert.deepEqual(promptIds('a', await loadTokenizer(none)), [0]);
  });

  it('follows tokenizer.json, as transformers does, and tells where add_bos_token says something else', async () => {
    const on = { bos_token: { content: '<s>' }, add_bos_token: true };
    const off = { bos_token: '<s>', add_bos_token: false };
    for (const [config, processor, startIds, note] of [
      [on, begins, [3], /^$/],
      [off, null, [], /^$/],
      [{ bos_token: '<s>' }, null, [], /^$/],
      [{ bos_token: '<s>' }, begins, [3], /^$/],
      [off, begins, [3], /begins texts with "<s>", although .* add_bos_token: false/],
      [on, null, [], /does not begin texts with "<s>", although .* add_bos_token: true/],
      [on, ends, [], /does not begin texts with "<s>", although .* add_bos_token: true/],
    ] as const) {
      const tokenizer = await tokenizerWith(config, processor);
      assert.deepEqual(tokenizer.startIds, startIds);
      assert.match(tokenizer.notes.join(), note);
    }
  });

  it('ends at every end token of generation_config.json, else of config.json, else of the tokenizer', async () => {
    const config = { eos_token_id: 2 };
    assert.deepEqual(await endTokens(dir, {}, 7), new Set([7]));
    assert.deepEqual(await endTokens(dir, {}, undefined), new Set());
    assert.deepEqual(await endTokens(dir, { eos_token_id: null }, 7), new Set([7]));
    assert.deepEqual(await endTokens(dir, config, 7), new Set([2]));
    await write('generation_config.json', { eos_token_id: [2, 5] });
    assert.deepEqual(await endTokens(dir, config, 7), new Set([2, 5]));
    await write('generation_config.json', { eos_token_id: 5 });
    assert.deepEqual(await endTokens(dir, config, 7), new Set([5]));
    await write('generation_config.json', { temperature: 1 });
    assert.deepEqual(await endTokens(dir, config, 7), new Set([2]));
    await write('generation_config.json', { eos_token_id: '</s>' });
    await assert.rejects(endTokens(dir, config, 7), { code: 'model.bad-end-token', message: /"<\/s>"/ });
  });

  it('refuses a tokenizer with tokens that the model has no embedding for', async () => {
    await tokenizerWith({}, null);
    const file = path.join(dir, 'tokenizer.json');
    assert.equal((await loadModelTokenizer(file, { vocabulary: 5 })).vocabSize, 5);
    assert.equal((await loadModelTokenizer(file, { vocabulary: 70 })).vocabSize, 5);
    await assert.rejects(loadModelTokenizer(file, { vocabulary: 4 }), {
      code: 'model.too-few-embeddings',
      message: /has 5 tokens, but its model has only 4 embeddings: .* "<\/s>", with the id 4/,
    });
    await assert.rejects(loadModelTokenizer(file, { vocabulary: 2 }), { message: /"<unk>", with the id 2/ });
  });
});
