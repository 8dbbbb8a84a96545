import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from '../../fast-check';
import { readSotu } from '../../../core/data/text/sotu';
import { trainBpe, type BpeTokenizerJson } from '../../../core/data/tokenizer/bpe-trainer';
import { loadTokenizer, type Tokenizer } from '../../../core/data/tokenizer/tokenizer';

const sample = readSotu()
  .slice(100, 110)
  .map(({ text }) => text);

describe('trainBpe', () => {
  it('merges the most frequent pair first, and the pair of lower ids among equals', async () => {
    // Words: "ab" 3 times, "cb" 3 times, "abd" twice; so a+b 5, then c+b 3, then ab+d 2.
    const json = await trainBpe(['ab', 'ab', 'ab', 'cb', 'cb', 'cb', 'abd', 'abd'], { vocabSize: 300 });
    assert.deepEqual(json.model.merges, [
      ['a', 'b'],
      ['c', 'b'],
      ['ab', 'd'],
    ]);
    const tied = await trainBpe(['zy', 'zy', 'ab', 'ab', 'az', 'az'], { vocabSize: 300 });
    assert.deepEqual(tied.model.merges, [
      ['a', 'b'],
      ['a', 'z'],
      ['z', 'y'],
    ]);
  });

  it('counts overlapping pairs of one letter as merging sees them', async () => {
    const json = await trainBpe(['aaaa', 'aaaa', 'aaa'], { vocabSize: 300 });
    assert.deepEqual(json.model.merges, [
      ['a', 'a'],
      ['aa', 'aa'],
    ]);
  });

  it('puts the 256 bytes first and the special tokens last', async () => {
    const json = await trainBpe(sample, { vocabSize: 400, specialTokens: ['<|pad|>', '<|endoftext|>'] });
    const { vocab } = json.model;
    assert.equal(Object.keys(vocab).length, 400);
    assert.equal(new Set(Object.values(vocab)).size, 400);
    assert.deepEqual([vocab['!'], vocab['Ġ'], vocab['<|pad|>'], vocab['<|endoftext|>']], [0, 220, 398, 399]);
    for (const [left, right] of json.model.merges) {
      assert.ok(vocab[left + right]! > Math.max(vocab[left]!, vocab[right]!));
    }
  });

  it('does not depend on how the text is handed over', async () => {
    const stream = async function* () {
      for (const text of sample) yield await Promise.resolve(text);
    };
    const json = await trainBpe(sample, { vocabSize: 500 });
    assert.deepEqual(await trainBpe(stream(), { vocabSize: 500 }), json);
    assert.deepEqual(await trainBpe([...sample].reverse(), { vocabSize: 500 }), json);
  });

  it('refuses a vocabulary that is too small for the bytes', async () => {
    await assert.rejects(trainBpe(sample, { vocabSize: 256 }), { code: 'tokenizer.vocab-size' });
    assert.equal((await trainBpe(sample, { vocabSize: 257 })).model.merges.length, 0);
  });
});

describe('loadTokenizer', () => {
  let json: BpeTokenizerJson;
  let tokenizer: Tokenizer;
  let dir: string;
  before(async () => {
    json = await trainBpe(sample, { vocabSize: 1024 });
    tokenizer = await loadTokenizer(json);
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-tokenizer-'));
  });
  after(() => rm(dir, { recursive: true }));

  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    // Dense in what the word pattern treats specially: white space runs, apostrophes, digits, pieces of special tokens.
    fc
      .array(
        fc.constantFrom(
          ' ',
          '  ',
          '\n',
          '\r\n',
          '\t',
          '\u00a0',
          "'s",
          "'",
          "'LL",
          'the',
          'é',
          '12',
          '٣',
          '…',
          '<|',
          '|>',
          '<|endoftext|>',
          '🙂',
          'e\u0301',
        ),
        { maxLength: 30 },
      )
      .map((parts) => parts.join('')),
  );

  it('decodes what it encoded, for any Unicode text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('knows its vocabulary, its end token and the special tokens in a text', () => {
    assert.equal(tokenizer.vocabSize, 1024);
    assert.equal(tokenizer.eosId, 1023);
    assert.deepEqual(tokenizer.encode('a<|endoftext|>'), [...tokenizer.encode('a'), 1023]);
    assert.equal(tokenizer.decode([]), '');
    assert.equal(tokenizer.decode(Int32Array.from(tokenizer.encode('of the people'))), 'of the people');
  });

  it('loads a file and a model folder, and takes the end token from tokenizer_config.json', async () => {
    const other = await trainBpe(sample, { vocabSize: 300, specialTokens: ['<|stop|>', '<|endoftext|>'] });
    const file = path.join(dir, 'tokenizer.json');
    await writeFile(file, JSON.stringify(other));
    assert.equal((await loadTokenizer(dir)).eosId, 299);
    await writeFile(path.join(dir, 'tokenizer_config.json'), JSON.stringify({ eos_token: { content: '<|stop|>' } }));
    assert.equal((await loadTokenizer(file)).eosId, 298);
    assert.equal((await loadTokenizer(dir)).fingerprint, (await loadTokenizer(other)).fingerprint);
    assert.notEqual((await loadTokenizer(dir)).fingerprint, tokenizer.fingerprint);
    await writeFile(path.join(dir, 'tokenizer_config.json'), '{"eos_token": "<|nowhere|>"}');
    await assert.rejects(loadTokenizer(file), { code: 'tokenizer.invalid', message: /<\|nowhere\|>/ });
  });

  it('says what is wrong with a file that is missing or broken', async () => {
    await assert.rejects(loadTokenizer(path.join(dir, 'absent.json')), { code: 'tokenizer.not-found' });
    const broken = path.join(dir, 'broken.json');
    await writeFile(broken, JSON.stringify(json).slice(0, 500));
    await assert.rejects(loadTokenizer(broken), { code: 'tokenizer.not-json', message: /broken\.json/ });
    await assert.rejects(loadTokenizer({}), { code: 'tokenizer.invalid' });
    await assert.rejects(loadTokenizer(null), { code: 'tokenizer.invalid' });
    await assert.rejects(loadTokenizer({ model: { type: 'Abacus', vocab: { a: 0 } } }), {
      code: 'tokenizer.unsupported',
      message: /the model Abacus/,
    });
    await assert.rejects(loadTokenizer({ model: { type: 'BPE', vocab: {}, merges: [] } }), {
      code: 'tokenizer.invalid',
    });
  });
});
