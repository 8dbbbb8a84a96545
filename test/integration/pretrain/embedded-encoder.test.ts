import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { openCorpus } from '../../../core/data/text/corpus';
import { MaskedHeldOutBlocks } from '../../../core/data/text/masked-blocks';
import { splitByDocument } from '../../../core/data/text/split';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import type { Named } from '../../../core/engine/optimizer';
import { createRuntime } from '../../../core/engine/runtime/create';
import { pretrainArtifact } from '../../../core/methods/pretrain/artifacts';
import { PretrainConfig } from '../../../core/methods/pretrain/config';
import { embeddedEncoder } from '../../../core/models/embedded';
import { loadEncoder } from '../../../core/models/encoder/checkpoint';
import { MaskedEvaluator, type MaskedScore } from '../../../core/models/encoder/masked-language-model';

const BATCH = 8;

/** Of guessing tokens by how often they stand in the text to train on, add-one smoothed. */
function unigramLoss(train: Iterable<number>, guessed: Int32Array, vocabulary: number): number {
  const counts = new Float64Array(vocabulary).fill(1);
  for (const token of train) counts[token]!++;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return guessed.reduce((sum, token) => sum - Math.log(counts[token]! / total), 0) / guessed.length;
}

describe('the embedded encoder', () => {
  let dir: string;
  let cache: TokenCache;
  let score: MaskedScore;
  let frequencies: number;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-encoder-'));
    const spec = path.resolve('core', 'methods', 'pretrain', 'encoder.winnow.json');
    const { data, maskShare } = PretrainConfig.parse(JSON.parse(await readFile(spec, 'utf8')));
    const { config, parameters, tokenizerPath } = await loadEncoder(embeddedEncoder(), { head: 'masked' });
    const tokenizer = await loadTokenizer(tokenizerPath);
    cache = await openTokenCache({ corpus: await openCorpus(data, dir), tokenizer, cacheDir: dir });
    const split = splitByDocument(cache, data.heldOutShare);
    const options = { tokenizer, blockLength: data.blockLength, batchSize: BATCH, maskShare };
    const blocks = new MaskedHeldOutBlocks(split.heldOut, options);
    const runtime = createRuntime();
    try {
      const model = runtime.upload<Named<Tensor>>(parameters);
      const { signal } = new AbortController();
      score = await new MaskedEvaluator(runtime, config).score(model, blocks, BATCH, { signal });
    } finally {
      await runtime.dispose();
    }
    frequencies = unigramLoss(split.train.slice(), Int32Array.from(split.heldOut.slice()), config.vocabulary);
  });

  after(async () => {
    cache.close();
    await rm(dir, { recursive: true });
  });

  it('has the held-out loss that is written beside it', async () => {
    const written: unknown = JSON.parse(await readFile(path.join(embeddedEncoder(), 'pretrain.json'), 'utf8'));
    const { heldOut } = pretrainArtifact.parse(written);
    assert.equal(score.tokens, heldOut.tokens);
    assert.ok(Math.abs(score.loss - heldOut.loss) < 0.002, `${score.loss} is not ${heldOut.loss}`);
  });

  it('knows far more of a text than how often words are used', () => {
    assert.ok(score.loss < 0.65 * frequencies, `${score.loss} nats, ${frequencies} of frequencies alone`);
    assert.ok(score.accuracy > 0.33, `${score.accuracy} of the hidden tokens`);
  });
});
