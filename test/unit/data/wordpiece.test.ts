import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { SequenceEncoder } from '../../../core/data/tokenizer/sequence-encoder';
import { trainBpe } from '../../../core/data/tokenizer/bpe-trainer';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import { trainWordPiece } from '../../../core/data/tokenizer/wordpiece-trainer';

const TEXT = ['Hugs, hug! Hugging the hugger; the THE the.', 'A bug hugs a rug.'];
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

describe('trainWordPiece', () => {
  it('puts the special tokens first, then characters, then what it merged, the most frequent first', async () => {
    const { model } = await trainWordPiece(['ab ab ab cb cb abd'], { vocabSize: 100 });
    assert.deepEqual(Object.keys(model.vocab), [...SPECIAL, 'a', 'b', 'c', 'd', '##b', '##d', 'ab', 'cb']);
    assert.deepEqual(Object.values(model.vocab), [...Array(13).keys()]);
  });

  it('marks what continues a word, lower-cases, and cuts at punctuation', async () => {
    const tokenizer = await loadTokenizer(await trainWordPiece(TEXT, { vocabSize: 40 }));
    const spell = (text: string) => tokenizer.encode(text).map((id) => tokenizer.decode([id]));
    assert.equal(tokenizer.decode(tokenizer.encode('HUGS')), 'hugs');
    assert.deepEqual(spell('the,the'), ['the', ',', 'the']);
    assert.deepEqual(tokenizer.encode('ß'), [1]);
  });

  it('does not depend on the order of the text, and asks for room for the characters', async () => {
    const json = await trainWordPiece(TEXT, { vocabSize: 45 });
    assert.deepEqual(await trainWordPiece([...TEXT].reverse(), { vocabSize: 45 }), json);
    await assert.rejects(trainWordPiece(TEXT, { vocabSize: 12 }), { code: 'tokenizer.vocab-size' });
  });
});

describe('SequenceEncoder', () => {
  it('puts the special tokens around, and cuts the longer text of a pair first', async () => {
    const tokenizer = await loadTokenizer(await trainWordPiece(TEXT, { vocabSize: 40 }));
    assert.equal(tokenizer.maskId, 4);
    assert.equal(tokenizer.eosId, 3);
    assert.deepEqual([...tokenizer.specialIds!], [0, 1, 2, 3, 4]);
    const words = fc.nat({ max: 30 }).map((count) => Array<string>(count).fill('the').join(' '));
    const the = tokenizer.encode('the')[0]!;
    fc.assert(
      fc.property(words, words, fc.integer({ min: 5, max: 70 }), (first, second, maxLength) => {
        const encoder = new SequenceEncoder(tokenizer, maxLength);
        const [n, m] = [tokenizer.encode(first).length, tokenizer.encode(second).length];
        const single = encoder.encode(first);
        const kept = Math.min(n, maxLength - 2);
        assert.deepEqual(single.ids, [2, ...Array<number>(kept).fill(the), 3]);
        assert.deepEqual(single.types, Array<number>(kept + 2).fill(0));

        const { ids, types } = encoder.encode(first, second);
        assert.equal(ids.length, Math.min(maxLength, n + m + 3));
        const a = types.indexOf(1) - 2;
        const b = ids.length - a - 3;
        assert.deepEqual(ids, [2, ...Array<number>(a).fill(the), 3, ...Array<number>(b).fill(the), 3]);
        assert.deepEqual(types, [...Array<number>(a + 2).fill(0), ...Array<number>(b + 1).fill(1)]);
        // A text that lost something is no shorter than the other, but for an odd token.
        if (a < n) assert.ok(a >= b - 1);
        if (b < m) assert.ok(b >= a - 1);
      }),
      { seed: 1 },
    );
  });

  it('says what is wrong with a tokenizer without a template, and with too few tokens', async () => {
    const bare = await loadTokenizer(await trainBpe(TEXT, { vocabSize: 300 }));
    assert.throws(() => new SequenceEncoder(bare, 64), { code: 'tokenizer.no-template' });
    const tokenizer = await loadTokenizer(await trainWordPiece(TEXT, { vocabSize: 40 }));
    assert.throws(() => new SequenceEncoder(tokenizer, 64, 1).encode('a', 'b'), { code: 'tokenizer.segments' });
    assert.ok(new SequenceEncoder(tokenizer, 64, 1).encode('a').types.every((type) => type === 0));
    assert.throws(() => new SequenceEncoder(tokenizer, 4), { code: 'tokenizer.too-short' });
  });
});
