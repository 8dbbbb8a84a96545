import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IGNORED } from '../../../core/data/text/batches';
import { MaskedHeldOutBlocks, MaskedTrainingBlocks, type MaskedBatch } from '../../../core/data/text/masked-blocks';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { TokenStream } from '../../../core/data/text/token-stream';
import type { Tokenizer } from '../../../core/data/tokenizer/tokenizer';

const [CLS, SEP, MASK] = [2, 3, 4];
const VOCABULARY = 105;
const SPECIAL = new Set([0, 1, 2, 3, 4]);

/** Letters of the alphabet, over and over: token 5 + (position mod 100). */
const tokenizer: Tokenizer = {
  vocabSize: VOCABULARY,
  eosId: SEP,
  maskId: MASK,
  specialIds: SPECIAL,
  templates: {
    single: [
      { put: CLS, type: 0 },
      { put: 'first', type: 0 },
      { put: SEP, type: 0 },
    ],
    pair: [],
  },
  fingerprint: 'counting',
  encode: (text) => Array.from(text, (_, i) => 5 + (i % 100)),
  decode: String,
};
const options = { tokenizer, blockLength: 42, batchSize: 4, maskShare: 0.15 };

describe('masked blocks', () => {
  let dir: string;
  let cache: TokenCache;
  let stream: TokenStream;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-masked-'));
    cache = await openTokenCache({
      corpus: {
        async *documents() {
          await Promise.resolve();
          for (let i = 0; i < 40; i++) yield { id: String(i), text: String(i % 10).repeat(100 + i) };
        },
        fingerprint: () => Promise.resolve('masked'),
      },
      tokenizer,
      cacheDir: dir,
    });
    const { ends, bytes } = cache.documents;
    stream = new TokenStream(cache, { starts: ends.map((_, i) => ends[i - 1] ?? 0), ends, bytes });
  });
  after(async () => {
    cache.close();
    await rm(dir, { recursive: true });
  });

  /** The texts of a batch as they were before some of them was hidden. */
  function restored({ ids, positions, targets }: MaskedBatch): number[] {
    const whole = [...ids];
    for (const [slot, target] of targets.entries()) if (target !== IGNORED) whole[positions[slot]!] = target;
    return whole;
  }

  it('hide 80 %, exchange 10 % and leave 10 % of 15 % of the tokens, never a special one', () => {
    const train = new MaskedTrainingBlocks(stream, { ...options, seed: 3 });
    assert.equal(train.slots, 6);
    const counts = { hidden: 0, kept: 0, exchanged: 0 };
    const places = new Float64Array(42);
    let guessed = 0;
    for (let number = 0; number < 2000; number++) {
      const { ids, mask, positions, targets, targetCount } = train.batch(number);
      assert.ok(mask.every((value) => value === 1));
      assert.equal(new Set(positions).size, positions.length, 'no token is guessed twice');
      assert.equal(targetCount, targets.filter((target) => target !== IGNORED).length);
      guessed += targetCount;
      for (const [slot, target] of targets.entries()) {
        const at = positions[slot]!;
        assert.equal(Math.floor(at / 42), Math.floor(slot / 6), 'each sequence has its own places');
        assert.ok(!SPECIAL.has(target));
        places[at % 42]! += 1;
        const shown = ids[at]!;
        counts[shown === MASK ? 'hidden' : shown === target ? 'kept' : 'exchanged'] += 1;
        assert.ok(shown === MASK || !SPECIAL.has(shown));
      }
    }
    const near = (count: number, share: number) => Math.abs(count / guessed - share) < 0.01;
    assert.ok(near(counts.hidden, 0.8), String(counts.hidden / guessed));
    // One exchange in a hundred meets the same token again.
    assert.ok(near(counts.exchanged, 0.099) && near(counts.kept, 0.101), JSON.stringify(counts));
    assert.equal(places[0]! + places[41]!, 0);
    const inside = places.slice(1, 41);
    assert.ok(Math.min(...inside) > 0.8 * Math.max(...inside), 'every place is as likely');
  });

  it('leave the text around what is hidden as it was, and depend on the seed and the number alone', () => {
    const train = new MaskedTrainingBlocks(stream, { ...options, seed: 3 });
    const again = new MaskedTrainingBlocks(stream, { ...options, seed: 3 });
    const other = new MaskedTrainingBlocks(stream, { ...options, seed: 4 });
    const first = Array.from({ length: 5 }, (_, number) => train.batch(number));
    for (const number of [4, 0, 2]) assert.deepEqual(again.batch(number), first[number]);
    assert.notDeepEqual(other.batch(0), first[0]);
    const tokens = stream.slice().join(' ');
    const whole = restored(first[1]!);
    for (let row = 0; row < 4; row++) {
      const sequence = whole.slice(row * 42, (row + 1) * 42);
      assert.deepEqual([sequence[0], sequence[41]], [CLS, SEP]);
      assert.ok(tokens.includes(sequence.slice(1, 41).join(' ')));
    }
  });

  it('mask the same text anew in another epoch', () => {
    const train = new MaskedTrainingBlocks(stream, { ...options, batchSize: 1, seed: 3 });
    const byText = new Map<string, string>();
    for (let number = 0; number < 2 * train.blocks; number++) {
      const batch = train.batch(number);
      const text = restored(batch).join();
      const seen = byText.get(text);
      if (seen !== undefined) assert.notEqual([...batch.positions].sort().join(), seen);
      byText.set(text, [...batch.positions].sort().join());
    }
  });

  it('hold out all text in order, the last sequences padded, masked alike every time', () => {
    const heldOut = new MaskedHeldOutBlocks(stream, options);
    const batches = [...heldOut.part()];
    assert.deepEqual([...new MaskedHeldOutBlocks(stream, options).part()], batches);
    const texts = batches.flatMap((batch) => {
      const whole = restored(batch);
      return Array.from({ length: 4 }, (_, row) => {
        const present = batch.mask.subarray(row * 42, (row + 1) * 42).filter((value) => value === 1).length;
        return whole.slice(row * 42 + 1, row * 42 + present - 1);
      }).flat();
    });
    assert.deepEqual(texts, [...stream.slice(0, stream.length - 1)]);
  });

  it('hold out the same, masked alike, in batches of another size', () => {
    const rows = (batchSize: number) =>
      [...new MaskedHeldOutBlocks(stream, { ...options, batchSize }).part()].flatMap(({ ids, mask }) =>
        Array.from({ length: batchSize }, (_, row) => ids.slice(row * 42, (row + 1) * 42).join()).filter(
          (_, row) => mask[row * 42] === 1,
        ),
      );
    assert.deepEqual(rows(3), rows(4));
  });

  it('say what is missing', () => {
    const { vocabSize, fingerprint, encode, decode, templates } = tokenizer;
    const unmasked = { vocabSize, fingerprint, encode, decode, templates };
    const make = (changes: object) => () => new MaskedTrainingBlocks(stream, { ...options, seed: 1, ...changes });
    assert.throws(make({ tokenizer: unmasked }), { code: 'tokenizer.no-mask' });
    assert.throws(make({ blockLength: 3 }), { code: 'data.block-too-short' });
    assert.throws(make({ blockLength: 100_000 }), { code: 'data.too-short' });
  });
});
