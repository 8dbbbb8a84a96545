import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from '../../fast-check';
import { HeldOutBlocks, IGNORED, TrainingBlocks } from '../../../core/data/text/batches';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { UnheldTokenFile } from '../../../core/data/text/token-files';
import { TokenStream } from '../../../core/data/text/token-stream';

const EOS = 0;
const SIZES = [7, 1, 30, 12, 2, 25, 9];

/** Document i of the corpus is SIZES[i] characters; token n of the file is n + 1, except for the end tokens. */
let cache: TokenCache;
let dir: string;
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'winnow-batches-'));
  let next = 1;
  cache = await openTokenCache({
    corpus: {
      async *documents() {
        await Promise.resolve();
        for (const [i, size] of SIZES.entries()) yield { id: `${i}`, text: String(i).repeat(size) };
      },
      fingerprint: () => Promise.resolve('batches'),
    },
    tokenizer: {
      vocabSize: 1000,
      eosId: EOS,
      fingerprint: 'counting',
      encode: (text) => {
        const ids = Array.from(text, () => next++);
        next += 1;
        return ids;
      },
      decode: String,
    },
    cacheDir: dir,
  });
});
after(async () => {
  cache.close();
  await rm(dir, { recursive: true });
});

/** The stream of some documents, and its tokens as they must be. */
function streamOf(documents: readonly number[]) {
  const { ends, bytes } = cache.documents;
  const starts = ends.map((_, i) => ends[i - 1] ?? 0);
  const of = (values: Float64Array) => Float64Array.from(documents, (i) => values[i]!);
  const tokens = documents.flatMap((i) =>
    Array.from({ length: SIZES[i]! + 1 }, (_, k) => (k === SIZES[i] ? EOS : starts[i]! + k + 1)),
  );
  return { stream: new TokenStream(cache, { starts: of(starts), ends: of(ends), bytes: of(bytes) }), tokens };
}

describe('TokenStream', () => {
  it('reads any range of any choice of documents', () => {
    fc.assert(
      fc.property(
        fc.subarray(
          SIZES.map((_, i) => i),
          { minLength: 1 },
        ),
        fc.nat(),
        fc.nat(),
        (documents, a, b) => {
          const { stream, tokens } = streamOf(documents);
          assert.equal(stream.length, tokens.length);
          const [start, end] = [a % (tokens.length + 1), b % (tokens.length + 1)].sort((x, y) => x - y) as [
            number,
            number,
          ];
          assert.deepEqual([...stream.slice(start, end - start)], tokens.slice(start, end));
          const whole = stream.bytes(0, stream.length);
          assert.equal(
            whole,
            documents.reduce((sum, i) => sum + SIZES[i]!, 0),
          );
          const parts =
            stream.bytes(0, start) + stream.bytes(start, end - start) + stream.bytes(end, stream.length - end);
          assert.ok(Math.abs(parts - whole) < 1e-9);
        },
      ),
      { seed: 3, numRuns: 500 },
    );
  });

  it('knows the document of every token, and which of its tokens it is', () => {
    const documents = [1, 2, 5];
    const { stream } = streamOf(documents);
    const expected = documents.flatMap((document) =>
      Array.from({ length: SIZES[document]! + 1 }, (_, token) => ({ document, token })),
    );
    assert.deepEqual(
      Array.from({ length: stream.length }, (_, position) => stream.origin(position)),
      expected,
    );
    assert.throws(() => stream.origin(stream.length), RangeError);
  });

  it('reads the same from a file that is open during each read alone', () => {
    const { stream, tokens } = streamOf(SIZES.map((_, i) => i));
    const { dir: own, meta, documents } = cache;
    const { ends, bytes } = documents;
    const unheld = { ...cache, tokens: new UnheldTokenFile(own, meta.tokenBytes) };
    const starts = ends.map((_, i) => ends[i - 1] ?? 0);
    assert.deepEqual([...new TokenStream(unheld, { starts, ends, bytes }).slice()], tokens);
    assert.deepEqual([...stream.slice()], tokens);
  });

  it('refuses a range outside', () => {
    const { stream } = streamOf([0, 2]);
    assert.throws(() => stream.slice(0, stream.length + 1), RangeError);
    assert.throws(() => stream.slice(-1, 2), RangeError);
  });
});

describe('TrainingBlocks', () => {
  const options = { blockLength: 8, batchSize: 3, seed: 5 };

  it('gives targets that follow the inputs, every block once per epoch', () => {
    const { stream, tokens } = streamOf([0, 2, 3, 5, 6]);
    const blocks = new TrainingBlocks(stream, options);
    assert.equal(blocks.blocks, Math.floor((tokens.length - 1) / 8));
    const epochs = 3;
    const starts: number[] = [];
    for (let step = 0; step < blocks.blocks * epochs; step += 1) {
      const { inputs, targets } = blocks.batch(step);
      for (let row = 0; row < 3; row += 1) {
        const input = [...inputs.subarray(row * 8, row * 8 + 8)];
        const start = tokens.findIndex((_, i) => i % 8 === 0 && tokens.slice(i, i + 8).join() === input.join());
        assert.ok(start >= 0);
        assert.deepEqual([...targets.subarray(row * 8, row * 8 + 8)], tokens.slice(start + 1, start + 9));
        starts.push(start / 8);
      }
    }
    const orders = Array.from({ length: epochs * 3 }, (_, epoch) =>
      starts.slice(epoch * blocks.blocks, (epoch + 1) * blocks.blocks),
    );
    for (const order of orders) assert.equal(new Set(order).size, blocks.blocks);
    assert.ok(new Set(orders.map((order) => order.join())).size > 1, 'epochs have orders of their own');
  });

  it('depends on the seed and the step alone', () => {
    const { stream } = streamOf([0, 1, 2, 3, 4, 5, 6]);
    const first = new TrainingBlocks(stream, options);
    const later = new TrainingBlocks(stream, options);
    const expected = Array.from({ length: 10 }, (_, step) => first.batch(step));
    for (const step of [9, 0, 4, 4, 7]) assert.deepEqual(later.batch(step), expected[step]);
    const other = new TrainingBlocks(stream, { ...options, seed: 6 });
    assert.notDeepEqual(
      Array.from({ length: 10 }, (_, step) => other.batch(step)),
      expected,
    );
  });

  it('refuses a text shorter than one block', () => {
    const { stream } = streamOf([0]);
    assert.equal(new TrainingBlocks(stream, { ...options, blockLength: 7 }).blocks, 1);
    assert.throws(() => new TrainingBlocks(stream, options), { code: 'data.too-short' });
  });
});

describe('HeldOutBlocks', () => {
  it('makes every token but the first a target exactly once, in order, and counts bytes', () => {
    for (const [blockLength, batchSize] of [
      [8, 3],
      [5, 1],
      [100, 2],
      [31, 1],
    ] as const) {
      const { stream, tokens } = streamOf([1, 3, 5, 6]);
      const blocks = new HeldOutBlocks(stream, { blockLength, batchSize });
      const batches = [...blocks.part()];
      const targets = batches.flatMap((batch) => [...batch.targets]);
      const inputs = batches.flatMap((batch) => [...batch.inputs]);
      const counted = targets.flatMap((target, i) => (target === IGNORED ? [] : [i]));
      assert.deepEqual(
        counted.map((i) => targets[i]),
        tokens.slice(1),
      );
      assert.deepEqual(
        counted.map((i) => inputs[i]),
        tokens.slice(0, -1),
      );
      assert.equal(blocks.targetCount, tokens.length - 1);
      const sum = (key: 'targetCount' | 'bytes') => batches.reduce((total, batch) => total + batch[key], 0);
      assert.equal(sum('targetCount'), blocks.targetCount);
      assert.ok(Math.abs(sum('bytes') - blocks.bytes) < 1e-9);
      assert.ok(batches.every((batch) => batch.inputs.length === blockLength * batchSize));
    }
  });

  it('takes the same part of the text for any batch size: stretches of 2048 tokens, evenly spaced', () => {
    // 31 tokens, again and again.
    const { stream } = streamOf(Array<number>(520).fill(2));
    const targetsOf = (batchSize: number, share: number) =>
      [...new HeldOutBlocks(stream, { blockLength: 128, batchSize }).part(share)].flatMap(
        ({ targets, targetCount }) => {
          assert.equal(targets.filter((target) => target !== IGNORED).length, targetCount);
          return [...targets].filter((target) => target !== IGNORED);
        },
      );
    const all = [...stream.slice(1)];
    // Eight stretches, of which the last is shorter.
    const stretch = (i: number) => all.slice(i * 2048, (i + 1) * 2048);
    for (const batchSize of [1, 3, 16, 100]) {
      assert.deepEqual(targetsOf(batchSize, 0.5), [0, 2, 4, 6].flatMap(stretch));
      assert.deepEqual(targetsOf(batchSize, 0.01), stretch(0));
      assert.deepEqual(targetsOf(batchSize, 1), all);
    }
  });
});
