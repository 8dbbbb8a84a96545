import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { KneserNeyModel } from '../../../core/data/ngram/kneser-ney';
import { readSotu } from '../../../core/data/text/sotu';
import { trainBpe } from '../../../core/data/tokenizer/bpe-trainer';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import { Random } from '../../../core/random';

const near = (actual: number, expected: number) => {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);
};

describe('KneserNeyModel', () => {
  it('gives the probabilities that are computed by hand', () => {
    // "a b a c a b" with a = 0, b = 1, c = 2; V = 4. Bigrams: ab 2, ba 1, ac 1, ca 1. Too small for estimated discounts,
    // so D1 = 0.5 and D2 = 1. Distinct predecessors: a 2 (b, c), b 1, c 1; their sum is 4.
    const model = KneserNeyModel.train([0, 1, 0, 2, 0, 1], { order: 2, vocabSize: 4 });
    const left = (1 + 0.5 + 0.5) / 4; // unigram mass of the discounts
    const pa = (2 - 1) / 4 + left / 4;
    const pb = (1 - 0.5) / 4 + left / 4;
    const unseen = left / 4;
    near(model.probability([], 0), pa);
    near(model.probability([], 1), pb);
    near(model.probability([], 3), unseen);
    // After a: b twice, c once; total 3, discounts 1 + 0.5.
    near(model.probability([0], 1), (2 - 1) / 3 + (1.5 / 3) * pb);
    near(model.probability([0], 2), (1 - 0.5) / 3 + (1.5 / 3) * pb);
    near(model.probability([0], 3), (1.5 / 3) * unseen);
    // After b: only a, once.
    near(model.probability([1], 0), (1 - 0.5) / 1 + 0.5 * pa);
    // Never seen as a context: the shorter context alone. Older tokens than the order do not matter.
    near(model.probability([3], 0), pa);
    near(model.probability([3, 0], 1), model.probability([0], 1));
  });

  it('estimates the discounts from the counts of counts', () => {
    // Order 1. Tokens 0-7 once, 8-11 twice, 12-13 three times, 14 four times: n1 = 8, n2 = 4, n3 = 2, n4 = 1; N = 26.
    const text = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 14];
    const model = KneserNeyModel.train(text, { order: 1, vocabSize: 20 });
    const y = 8 / (8 + 2 * 4);
    const [d1, d2, d3] = [1 - (2 * y * 4) / 8, 2 - (3 * y * 2) / 4, 3 - (4 * y * 1) / 2] as const;
    const rest = (8 * d1 + 4 * d2 + 3 * d3) / 26 / 20;
    near(model.probability([], 0), (1 - d1) / 26 + rest);
    near(model.probability([], 9), (2 - d2) / 26 + rest);
    near(model.probability([], 13), (3 - d3) / 26 + rest);
    near(model.probability([], 14), (4 - d3) / 26 + rest);
    near(model.probability([5, 6], 19), rest);
  });

  it('sums to one over the vocabulary for every context, seen or not', () => {
    const random = new Random(9);
    const vocabSize = 30;
    const draw = () => Math.floor(vocabSize * random.uniform() ** 3);
    const text = Array.from({ length: 3000 }, draw);
    for (const order of [1, 2, 3, 5]) {
      const model = KneserNeyModel.train(text, { order, vocabSize: vocabSize + 2 });
      fc.assert(
        fc.property(
          fc.oneof(
            fc.array(fc.nat(vocabSize + 1), { maxLength: 6 }),
            fc.nat(text.length).map((end) => text.slice(Math.max(0, end - 6), end)),
          ),
          (context) => {
            let sum = 0;
            for (let token = 0; token < vocabSize + 2; token += 1) {
              const probability = model.probability(context, token);
              assert.ok(probability > 0);
              sum += probability;
            }
            assert.ok(Math.abs(sum - 1) < 1e-9, `${sum}`);
          },
        ),
        { seed: 4, numRuns: 200 },
      );
    }
  });

  it('sums the log-likelihood of each token given those before it', () => {
    const model = KneserNeyModel.train([0, 1, 0, 2, 0, 1], { order: 3, vocabSize: 4 });
    const text = [1, 0, 2, 3];
    const expected = text.reduce((sum, token, i) => sum - Math.log(model.probability(text.slice(0, i), token)), 0);
    const evaluation = model.evaluate(text);
    near(evaluation.negativeLogLikelihood, expected);
    near(evaluation.perplexity, Math.exp(expected / 4));
    assert.equal(evaluation.tokens, 4);
  });

  it('predicts real text better the longer its n-grams are', async () => {
    const texts = readSotu()
      .slice(60, 90)
      .map(({ text }) => text);
    const tokenizer = await loadTokenizer(await trainBpe(texts, { vocabSize: 600 }));
    const train = texts.slice(0, 28).flatMap((text) => tokenizer.encode(text));
    const heldOut = texts.slice(28).flatMap((text) => tokenizer.encode(text));
    const perplexities = [1, 2, 3, 4].map(
      (order) => KneserNeyModel.train(train, { order, vocabSize: 600 }).evaluate(heldOut).perplexity,
    );
    for (let i = 1; i < perplexities.length; i += 1)
      assert.ok(perplexities[i]! < perplexities[i - 1]!, perplexities.join(' '));
    assert.ok(perplexities[3]! < perplexities[0]! / 4, perplexities.join(' '));
  });
});
