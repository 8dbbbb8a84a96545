import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import fc from '../../fast-check';
import type { Named } from '../../../core/engine/optimizer';
import { withRanks } from '../../../core/models/decoder/config';
import { Generator, sampleToken, type SamplingOptions } from '../../../core/models/decoder/generate';
import { linearLayers } from '../../../core/models/decoder/layout';
import { Random } from '../../../core/random';
import { largestDifference, logitsOf, randomIds, randomWeights, TINY, tinyConfig, withRuntime } from './tiny';

const factored = withRanks(TINY, Object.fromEntries(linearLayers(tinyConfig()).map(({ name }, i) => [name, 5 + i])));
const window = { model_type: 'mistral', sliding_window: 6 };

const MODELS: Readonly<Record<string, Record<string, unknown>>> = {
  'a full model': {},
  'a factored model': factored,
  'a model with a sliding window': window,
  'a factored model with a sliding window': { ...factored, ...window },
  'a model in which all query heads meet all keys': { winnow: { queryHeads: 2 } },
  'a model of one query head': { num_key_value_heads: 4, winnow: { queryHeads: 1 } },
  'a model with a sliding window whose keys are the values as well': {
    ...window,
    winnow: { queryHeads: 2, sharedKeyValue: true },
  },
  'a model with biases and a head': { model_type: 'qwen2', tie_word_embeddings: false },
};

const greedy: SamplingOptions = { maxTokens: 12, temperature: 0, topK: 0, topP: 1, seed: 1, endIds: new Set() };
async function collect(tokens: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const token of tokens) all.push(token);
  return all;
}

const argMax = (values: Float32Array) => values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);

describe('Generator', () => {
  for (const [name, changes] of Object.entries(MODELS))
    it(`reads ${name} in pieces as the full forward pass does at once`, async () => {
      const config = tinyConfig(changes);
      const weights = randomWeights(config, 3);
      const ids = randomIds(44, config.vocabulary, 4);
      await withRuntime(async (runtime) => {
        const all = await logitsOf(runtime, config, weights, ids);
        const after = (position: number) =>
          all.subarray(position * config.vocabulary, (position + 1) * config.vocabulary);
        const parameters = runtime.upload<Named<Tensor>>(weights);
        const generator = new Generator(runtime, config, parameters, 50);

        // One call of 32 tokens and 3 of one, then token by token.
        const start = await generator.read(ids.slice(0, 35), 0);
        assert.ok(largestDifference(start, after(34)) < 1e-4);
        for (let position = 35; position < ids.length; position++) {
          const scores = await generator.read([ids[position]!], position);
          assert.ok(largestDifference(scores, after(position)) < 1e-4, `position ${position}`);
        }
        // What an earlier text left in the cache is not seen by the next one.
        const again = await generator.read(ids.slice(0, 3), 0);
        assert.ok(largestDifference(again, after(2)) < 1e-4);
      });
    });

  it('takes the likeliest token of the full forward pass when it is greedy', async () => {
    const config = tinyConfig(factored);
    const weights = randomWeights(config, 5);
    await withRuntime(async (runtime) => {
      const generator = new Generator(runtime, config, runtime.upload<Named<Tensor>>(weights), 60);
      const text = randomIds(7, config.vocabulary, 6);
      const written = await collect(generator.continue(text, greedy));
      assert.equal(written.length, greedy.maxTokens);
      for (const token of written) {
        const scores = await logitsOf(runtime, config, weights, text);
        assert.equal(token, argMax(scores.subarray(-config.vocabulary)));
        text.push(token);
      }
    });
  });

  it('stops at an end token, at its last position, and repeats itself with the same seed', async () => {
    const config = tinyConfig();
    await withRuntime(async (runtime) => {
      const generator = new Generator(runtime, config, runtime.upload<Named<Tensor>>(randomWeights(config, 7)), 12);
      const write = (options: Partial<SamplingOptions>) =>
        collect(generator.continue([1, 2, 3, 4], { ...greedy, maxTokens: 100, temperature: 1, ...options }));
      const text = await write({ seed: 9 });
      assert.equal(text.length, 8);
      assert.deepEqual(await write({ seed: 9 }), text);
      assert.notDeepEqual(await write({ seed: 10 }), text);
      const end = text[4]!;
      // Any of several ends it.
      const other = [...Array(config.vocabulary).keys()].find((id) => !text.includes(id))!;
      const ended = await write({ seed: 9, endIds: new Set([other, end]) });
      assert.deepEqual(ended, text.slice(0, text.indexOf(end)));
    });
  });

  it('refuses a prompt that leaves no room, and an empty one', async () => {
    const config = tinyConfig();
    await withRuntime(async (runtime) => {
      const generator = new Generator(runtime, config, runtime.upload<Named<Tensor>>(randomWeights(config, 7)), 8);
      const write = (prompt: number[]) => collect(generator.continue(prompt, greedy));
      await assert.rejects(write(randomIds(8, 61, 1)), { code: 'sample.prompt-too-long' });
      assert.equal((await write(randomIds(7, 61, 1))).length, 1);
      await assert.rejects(write([]), RangeError);
    });
  });
});

describe('sampleToken', () => {
  const plain = { temperature: 1, topK: 0, topP: 1 };
  const logits = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 2, maxLength: 20 });
  const scores = Float32Array.from([0.1, 0.5, 0.15, 0.25], Math.log);

  /** How often each token comes up. */
  function frequencies(options: Partial<typeof plain>): number[] {
    const random = new Random(1);
    const counts = Array.from(scores, () => 0);
    for (let i = 0; i < 20_000; i++) counts[sampleToken(scores, { ...plain, ...options }, random)]! += 1 / 20_000;
    return counts;
  }
  const assertNear = (found: number[], expected: number[]) => {
    for (const [i, value] of expected.entries())
      assert.ok(Math.abs(found[i]! - value) < 0.015, `${found.join()} for ${expected.join()}`);
  };

  it('takes the likeliest token at temperature 0, with one candidate, or with hardly any mass', () => {
    fc.assert(
      fc.property(logits, fc.integer(), (values, seed) => {
        const numbers = Float32Array.from(values);
        const largest = Math.max(...numbers);
        for (const options of [{ temperature: 0 }, { topK: 1 }, { topP: 1e-9 }])
          assert.ok(numbers[sampleToken(numbers, { ...plain, ...options }, new Random(seed))] === largest);
      }),
      { seed: 1 },
    );
  });

  it('draws from the softmax', () => {
    assertNear(frequencies({}), [0.1, 0.5, 0.15, 0.25]);
  });

  it('sharpens by the temperature', () => {
    const squares = [0.01, 0.25, 0.0225, 0.0625];
    const sum = squares.reduce((a, b) => a + b);
    assertNear(
      frequencies({ temperature: 0.5 }),
      squares.map((value) => value / sum),
    );
  });

  it('considers the likeliest k only', () => {
    assertNear(frequencies({ topK: 2 }), [0, 2 / 3, 0, 1 / 3]);
    assertNear(frequencies({ topK: 100 }), [0.1, 0.5, 0.15, 0.25]);
  });

  it('considers the fewest tokens that reach the probability p', () => {
    assertNear(frequencies({ topP: 0.49 }), [0, 1, 0, 0]);
    assertNear(frequencies({ topP: 0.7 }), [0, 2 / 3, 0, 1 / 3]);
    assertNear(frequencies({ topP: 0.8 }), [0, 5 / 9, 15 / 90, 25 / 90]);
  });

  it('draws nothing from logits that are no numbers; a token that is ruled out is fine', () => {
    const draw = (...scores: number[]) =>
      sampleToken(Float32Array.from(scores), { temperature: 1, topK: 0, topP: 1 }, new Random(1));
    for (const scores of [
      [NaN, NaN],
      [1, NaN],
      [1, Infinity],
      [-Infinity, -Infinity],
    ])
      assert.throws(() => draw(...scores), { code: 'sample.not-finite', hint: /winnow stats/ });
    assert.equal(draw(-Infinity, 3), 1);
  });
});
