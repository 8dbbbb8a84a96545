import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { HeldOutBlocks } from '../../../core/data/text/batches';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { TokenStream } from '../../../core/data/text/token-stream';
import type { Tokenizer } from '../../../core/data/tokenizer/tokenizer';
import type { Named } from '../../../core/engine/optimizer';
import { Evaluator, scoreDecoder, type ModelState } from '../../../core/models/decoder/evaluate';
import { MultipleChoiceScorer } from '../../../core/models/decoder/multiple-choice';
import { createRuntime } from '../../../core/engine/runtime/create';
import { parseVariant } from '../../../core/protocol/grouping';
import { withDecoderGrouping } from '../../../core/models/decoder/config';
import { logitsOf, randomWeights, TINY, tinyConfig, withRuntime } from './tiny';

const config = tinyConfig();
const weights = randomWeights(config, 13);
const V = config.vocabulary;

/** One token per letter; `ß`, two bytes, and `ü` are letters too. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz ßü';
const tokenizer: Tokenizer = {
  vocabSize: V,
  eosId: 60,
  fingerprint: 'letters',
  encode: (text) => Array.from(text, (letter) => LETTERS.indexOf(letter)),
  decode: (ids) => Array.from(ids, (id) => LETTERS[id] ?? '').join(''),
};

/** Nats of each token of a text after the first, and whether it was the likeliest, by the definition. */
async function predictions(
  ids: readonly number[],
  model = { config, weights },
): Promise<{ nats: number; hit: boolean }[]> {
  const logits = await withRuntime((runtime) => logitsOf(runtime, model.config, model.weights, ids));
  return ids.slice(1).map((target, i) => {
    const row = Float64Array.from(logits.subarray(i * V, (i + 1) * V));
    const sum = row.reduce((total, x) => total + Math.exp(x), 0);
    return { nats: Math.log(sum) - row[target]!, hit: row[target] === Math.max(...row) };
  });
}

describe('Evaluator', () => {
  const TEXT = 'the quick brown fox jumps over the lazy dog while the große bär sleeps'.replace('ä', 'ü');
  const shape = { batchSize: 2, blockLength: 10 };
  let dir: string;
  let cache: TokenCache;
  let blocks: HeldOutBlocks;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-score-'));
    const corpus = {
      async *documents() {
        await Promise.resolve();
        yield { id: '0', text: TEXT };
      },
      fingerprint: () => Promise.resolve('score'),
    };
    cache = await openTokenCache({ corpus, tokenizer, cacheDir: dir });
    const { ends, bytes } = cache.documents;
    blocks = new HeldOutBlocks(new TokenStream(cache, { starts: Float64Array.of(0), ends, bytes }), shape);
  });
  after(async () => {
    cache.close();
    await rm(dir, { recursive: true });
  });

  it('measures cross-entropy, perplexity, bits per byte and accuracy over every token but the first', async () => {
    const ids = [...tokenizer.encode(TEXT), 60];
    const expected = [];
    for (let at = 0; at + 1 < ids.length; at += shape.blockLength)
      expected.push(...(await predictions(ids.slice(at, at + shape.blockLength + 1))));
    const total = expected.reduce((sum, { nats }) => sum + nats, 0);
    const { signal } = new AbortController();
    const score = await scoreDecoder(createRuntime({ threads: 1 }), config, weights, blocks, shape, signal);
    assert.equal(score.tokens, ids.length - 1);
    assert.ok(Math.abs(score.loss - total / expected.length) < 1e-5);
    assert.equal(score.perplexity, Math.exp(score.loss));
    assert.equal(score.accuracy, expected.filter(({ hit }) => hit).length / expected.length);
    // The stream gives the text's bytes out in proportion to its tokens; the first is never predicted.
    const bytes = (Buffer.byteLength(TEXT) * (ids.length - 1)) / ids.length;
    assert.ok(Math.abs(score.bitsPerByte - total / Math.LN2 / bytes) < 1e-5);
  });

  it('takes a share of the text, and stops when it is told to', async () => {
    const { ends, bytes } = cache.documents;
    const often = (values: Float64Array) => new Float64Array(60).fill(values[0]!);
    const pieces = { starts: new Float64Array(60), ends: often(ends), bytes: often(bytes) };
    const long = new HeldOutBlocks(new TokenStream(cache, pieces), shape);
    await withRuntime(async (runtime) => {
      const model = runtime.upload<ModelState>({ own: weights, frozen: {} });
      const evaluator = new Evaluator(runtime, config);
      // Three stretches of 205 blocks.
      const part = await evaluator.score(model, long, shape, { share: 0.6 });
      assert.equal(part.tokens, 2 * 205 * shape.blockLength);
      const reason = new Error('stop');
      await assert.rejects(
        evaluator.score(model, blocks, shape, { signal: AbortSignal.abort(reason) }),
        (error) => error === reason,
      );
    });
  });
});

describe('MultipleChoiceScorer', () => {
  const items = [
    { context: 'the fox jumps', choices: [' over the dog', ' up', ' ßßßß'] },
    { context: 'dogs sleep', choices: ['ü', ' while it rains outside'] },
    { context: '', choices: ['the fox', 'a dog', 'b'] },
  ];
  const score = (questions: readonly { context: string; choices: string[]; gold: number }[], maxTokens = 96) =>
    withRuntime((runtime) => {
      const scorer = new MultipleChoiceScorer(runtime, config, tokenizer, maxTokens);
      return scorer.score(runtime.upload<Named<Tensor>>(weights), questions);
    });

  /** The nats of a choice after a context cut to `maxTokens` tokens, or after the end of a document, by the definition. */
  async function natsOf(
    context: string,
    choice: string,
    maxTokens: number,
    model = { config, weights },
  ): Promise<number> {
    const ids = [...(context === '' ? [60] : []), ...tokenizer.encode(context + choice)].slice(-maxTokens);
    const of = Math.min(ids.length - 1, choice.length);
    return (await predictions(ids, model)).slice(-of).reduce((sum, token) => sum + token.nats, 0);
  }

  /** The choice with the fewest nats after a context cut to `maxTokens` tokens, by the definition. */
  async function best(
    context: string,
    choices: readonly string[],
    maxTokens: number,
    perByte: boolean,
  ): Promise<number> {
    const costs: number[] = [];
    for (const choice of choices) {
      const nats = await natsOf(context, choice, maxTokens);
      costs.push(perByte ? nats / Buffer.byteLength(choice) : nats);
    }
    return costs.indexOf(Math.min(...costs));
  }

  for (const maxTokens of [96, 9])
    it(`takes the likeliest choice, in all and per byte, of at most ${maxTokens} tokens`, async () => {
      const [plain, normalized] = await Promise.all(
        [false, true].map((perByte) =>
          Promise.all(items.map((item) => best(item.context, item.choices, maxTokens, perByte))),
        ),
      );
      const withGold = (gold: readonly number[]) => items.map((item, i) => ({ ...item, gold: gold[i]! }));
      assert.deepEqual(await score(withGold(plain!), maxTokens), {
        accuracy: 1,
        accuracyNormalized: plain!.filter((choice, i) => choice === normalized![i]).length / items.length,
        questions: 3,
      });
      assert.equal((await score(withGold(normalized!), maxTokens)).accuracyNormalized, 1);
    });

  // What the packed sequences of a question depend on: which heads attend, how far, and whether anything is cut off.
  const models = {
    'grouped queries': {},
    'a window of 6 tokens': { model_type: 'mistral', sliding_window: 6 },
    'blocks of two queries, keys and values': withDecoderGrouping(TINY, parseVariant('GQKVA-2.2', 4)),
  };
  for (const [name, changes] of Object.entries(models))
    for (const maxTokens of [96, 17])
      it(`gives every choice the nats of its own sequence: ${name}, at most ${maxTokens} tokens`, async () => {
        const own = tinyConfig(changes);
        const model = { config: own, weights: randomWeights(own, 14) };
        const questions = [...items, ...items].map((item) => ({ ...item, gold: 0 }));
        const nats = await withRuntime((runtime) => {
          const scorer = new MultipleChoiceScorer(runtime, own, tokenizer, maxTokens);
          return scorer.nats(runtime.upload<Named<Tensor>>(model.weights), questions);
        });
        let at = 0;
        for (const { context, choices } of questions)
          for (const choice of choices) {
            const alone = await natsOf(context, choice, maxTokens, model);
            assert.ok(Math.abs(nats[at]! - alone) < 1e-4 * alone, `${context}|${choice}: ${nats[at]} and ${alone}`);
            at++;
          }
        assert.equal(at, nats.length);
      });

  it('refuses a choice of which nothing can be predicted', async () => {
    const { eosId, ...endless } = tokenizer;
    assert.equal(eosId, 60);
    const nats = (choice: string, own: Tokenizer) =>
      withRuntime((runtime) =>
        new MultipleChoiceScorer(runtime, config, own, 96).nats(runtime.upload<Named<Tensor>>(weights), [
          { context: '', choices: [choice, 'the fox'], gold: 0 },
        ]),
      );
    await assert.rejects(nats('b', endless), { code: 'task.no-context' });
    assert.ok((await nats('b', tokenizer))[0]! > 0);
  });

  it('scores many questions in batches as one by one', async () => {
    // The three questions over and over, the gold choice alternating: every sixth is the same.
    const many = Array.from({ length: 23 }, (_, i) => ({ ...items[i % 3]!, gold: i % 2 }));
    const alone = await Promise.all(many.slice(0, 6).map(async (question) => (await score([question])).accuracy));
    const all = await score(many);
    assert.equal(all.questions, 23);
    const right = many.reduce((sum, _, i) => sum + alone[i % 6]!, 0);
    assert.ok(right > 0 && right < 23);
    assert.ok(Math.abs(all.accuracy - right / 23) < 1e-12);
  });
});
