import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createRuntime } from '../../../core/engine/runtime/create';
import { plrd } from '../../../core/methods/plrd';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { loadLanguageModel, openLanguageTask } from '../../../core/methods/swiftlearn/data/language-task';
import { sample } from '../../../core/models/sample';
import { tinyDecoderFolder } from './tiny-decoder';

describe('a tokenizer with more tokens than its model has embeddings', () => {
  const texts = ['the end of the end', 'a text of some words, and some more words'];
  const wanted = {
    code: 'model.too-few-embeddings',
    message: /has 301 tokens, .* only 300 embeddings: .* "<new>", with the id 300/,
  };
  let dir: string;
  let model: string;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-vocabulary-'));
    model = path.join(dir, 'model');
    await tinyDecoderFolder(model, texts);
    await writeFile(path.join(dir, 'corpus.txt'), texts.join('\n\n').repeat(20));
    const file = path.join(model, 'tokenizer.json');
    const json = JSON.parse(await readFile(file, 'utf8')) as { model: object; added_tokens: object[] };
    const ids = Object.keys((json.model as { vocab: object }).vocab).length;
    // The rest of the rows has no token.
    const filler = Array.from({ length: 300 - ids }, (_, i) => ({ id: ids + i, content: `<${i}>`, special: true }));
    json.added_tokens = [...json.added_tokens, ...filler];
    await writeFile(file, JSON.stringify(json));
    fits = await attempts();
    json.added_tokens = [...json.added_tokens, { id: 300, content: '<new>', special: true }];
    await writeFile(file, JSON.stringify(json));
  });
  after(() => rm(dir, { recursive: true }));

  const data = { source: 'corpus.txt', blockLength: 16 };
  const language = () => SwiftLearnConfig.parse({ language: { data, model: 'model' } }).language!;
  const planFamily = () =>
    plrd.plan(PlrdConfig.parse({ parent: 'model', data, schedule: { values: [0.5] }, rankMultiple: 1 }), {
      baseDir: dir,
    });
  const write = async () => {
    const runtime = createRuntime();
    try {
      const request = { checkpoint: model, prompt: 'the', maxTokens: 2, temperature: 0, topK: 0, topP: 1, seed: 0 };
      let text = '';
      for await (const piece of sample(runtime, request)) text += piece;
      return text;
    } finally {
      await runtime.dispose();
    }
  };
  const attempts = () =>
    Promise.all([planFamily(), openLanguageTask(language(), dir), loadLanguageModel(language(), dir), write()]);
  let fits: Awaited<ReturnType<typeof attempts>>;

  it('is refused by plans, runs and sampling before anything is computed', async () => {
    assert.equal(fits.length, 4);
    await assert.rejects(planFamily(), wanted);
    await assert.rejects(openLanguageTask(language(), dir), wanted);
    await assert.rejects(loadLanguageModel(language(), dir), wanted);
    await assert.rejects(write(), wanted);
  });
});
