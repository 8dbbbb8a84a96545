import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { KneserNeyModel } from '../../../core/data/ngram/kneser-ney';
import { HeldOutBlocks } from '../../../core/data/text/batches';
import { openCorpus } from '../../../core/data/text/corpus';
import type { TextSplit } from '../../../core/data/text/split';
import { splitByDocument } from '../../../core/data/text/split';
import type { TokenCache } from '../../../core/data/text/token-cache';
import { openTokenCache } from '../../../core/data/text/token-cache';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import type { Named } from '../../../core/engine/optimizer';
import { createRuntime } from '../../../core/engine/runtime/create';
import { pretrainArtifact } from '../../../core/methods/pretrain/artifacts';
import { PretrainConfig } from '../../../core/methods/pretrain/config';
import { embeddedParent } from '../../../core/models/embedded';
import type { LoadedDecoder } from '../../../core/models/decoder/checkpoint';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import type { LanguageModelScore } from '../../../core/models/decoder/evaluate';
import { scoreDecoder } from '../../../core/models/decoder/evaluate';
import { Generator } from '../../../core/models/decoder/generate';

/** What the parent was trained with. */
async function settings(): Promise<PretrainConfig> {
  const file = path.resolve('core', 'methods', 'pretrain', 'embedded.winnow.json');
  return PretrainConfig.parse(JSON.parse(await readFile(file, 'utf8')));
}

describe('the embedded parent', () => {
  let dir: string;
  let cache: TokenCache;
  let split: TextSplit;
  let parent: LoadedDecoder;
  let score: LanguageModelScore;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-parent-'));
    parent = await loadDecoder(embeddedParent());
    const { data } = await settings();
    const tokenizer = await loadTokenizer(parent.tokenizerPath);
    cache = await openTokenCache({ corpus: await openCorpus(data, dir), tokenizer, cacheDir: dir });
    split = splitByDocument(cache, data.heldOutShare);
    const shape = { batchSize: 8, blockLength: data.blockLength };
    const blocks = new HeldOutBlocks(split.heldOut, shape);
    score = await scoreDecoder(
      createRuntime(),
      parent.config,
      parent.parameters,
      blocks,
      shape,
      new AbortController().signal,
    );
  });

  after(async () => {
    cache.close();
    await rm(dir, { recursive: true });
  });

  it('has the held-out perplexity that is written beside it', async () => {
    const written: unknown = JSON.parse(await readFile(path.join(embeddedParent(), 'pretrain.json'), 'utf8'));
    const { heldOut } = pretrainArtifact.parse(written);
    assert.equal(score.tokens, heldOut.tokens);
    // It was measured before the weights were rounded to half precision, on another day's machine.
    assert.ok(Math.abs(score.loss - heldOut.loss) < 0.002, `${score.loss} is not ${heldOut.loss}`);
  });

  it('beats a Kneser-Ney 5-gram of the same text by a third', () => {
    const model = KneserNeyModel.train(split.train.slice(), { order: 5, vocabSize: parent.config.vocabulary });
    const { perplexity } = model.evaluate(split.heldOut.slice());
    assert.ok(
      score.perplexity < 0.67 * perplexity,
      `perplexity ${score.perplexity} against ${perplexity} of the 5-gram`,
    );
  });

  it('writes words, not noise', async () => {
    const runtime = createRuntime();
    const tokenizer = await loadTokenizer(parent.tokenizerPath);
    const generator = new Generator(runtime, parent.config, runtime.upload<Named<Tensor>>(parent.parameters), 96);
    const ids: number[] = [];
    const options = { maxTokens: 80, temperature: 0.7, topK: 40, topP: 0.95, seed: 3, endIds: new Set<number>() };
    for await (const id of generator.continue(tokenizer.encode('The people of the United States'), options))
      ids.push(id);
    await runtime.dispose();
    const known = new Set((await trainingText()).match(/[a-z]+/gi)?.map((word) => word.toLowerCase()));
    const words = tokenizer.decode(ids).match(/[a-z]+/gi) ?? [];
    const real = words.filter((word) => known.has(word.toLowerCase())).length;
    assert.ok(
      words.length > 30 && real / words.length > 0.9,
      `${real} of ${words.length} words are known: ${tokenizer.decode(ids)}`,
    );
  });
});

async function trainingText(): Promise<string> {
  const texts: string[] = [];
  for await (const { text } of (await openCorpus({ source: 'embedded:sotu', textKey: 'text' }, '.')).documents())
    texts.push(text);
  return texts.join('\n');
}
