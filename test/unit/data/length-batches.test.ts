import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { choosePaddedLengths, LengthBatches } from '../../../core/data/text/length-batches';
import { sequenceBatch } from '../../../core/data/text/sequence-batch';

const anyLengths = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 20 })), { minLength: 1, maxLength: 120 })
  .map((lengths) => Int32Array.from(lengths));

/** Tokens of all samples, each padded to the shortest length that holds it. */
const padded = (lengths: Int32Array, choice: readonly number[]) =>
  lengths.reduce((sum, length) => sum + choice.find((padded) => length <= padded)!, 0);

/** Every set of so many lengths that holds the longest. */
function* choices(sizes: number, most: number): Generator<number[]> {
  for (let bits = 0; bits < 2 ** (sizes - 1); bits++) {
    const set = Array.from({ length: sizes }, (_, i) => (i + 1) * 16).filter(
      (_, i) => i === sizes - 1 || (bits >> i) & 1,
    );
    if (set.length <= most) yield set;
  }
}

describe('choosePaddedLengths', () => {
  it('wastes the fewest tokens of all sets', () => {
    fc.assert(
      fc.property(anyLengths, fc.integer({ min: 1, max: 5 }), (lengths, most) => {
        const chosen = choosePaddedLengths(lengths, most);
        assert.ok(chosen.length <= most);
        assert.deepEqual(
          chosen,
          [...new Set(chosen)].sort((a, b) => a - b),
        );
        const sizes = Math.ceil(Math.max(...lengths) / 16);
        assert.equal(chosen.at(-1), sizes * 16);
        const fewest = Math.min(...Array.from(choices(sizes, most), (choice) => padded(lengths, choice)));
        assert.equal(padded(lengths, chosen), fewest);
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});

describe('LengthBatches', () => {
  const setting = fc.record({
    lengths: anyLengths,
    batchSize: fc.integer({ min: 1, max: 9 }),
    seeds: fc.tuple(fc.nat(), fc.nat()),
    keep: fc.func(fc.boolean()),
  });

  it('give every sample of a subset once, padded to a length that holds it, in full batches but one', () => {
    fc.assert(
      fc.property(setting, ({ lengths, batchSize, seeds, keep }) => {
        const paddedLengths = choosePaddedLengths(lengths);
        const batches = new LengthBatches({ lengths, paddedLengths, batchSize });
        const subset = [...lengths.keys()].filter((sample) => keep(sample));
        const epoch = batches.epoch(seeds, subset);
        assert.equal(epoch.length, batches.batchesOf(subset.length));
        const samples = epoch.flatMap((batch) => [...batch.samples]);
        assert.deepEqual(
          samples.sort((a, b) => a - b),
          subset,
        );
        for (const { length, samples } of epoch) {
          assert.ok(paddedLengths.includes(length));
          for (const sample of samples) assert.ok(lengths[sample]! <= length);
        }
        assert.ok(epoch.filter(({ samples }) => samples.length < batchSize).length <= 1);
        // The same whatever made it, and in whatever order the samples were named.
        const again = new LengthBatches({ lengths, paddedLengths, batchSize });
        assert.deepEqual(again.epoch(seeds, subset.toReversed()), epoch);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('mix lengths and samples anew in every epoch', () => {
    const lengths = Int32Array.from({ length: 400 }, (_, i) => 1 + (i % 100));
    const batches = new LengthBatches({ lengths, paddedLengths: choosePaddedLengths(lengths), batchSize: 8 });
    const first = batches.epoch([1, 0]);
    assert.equal(first.length, 50);
    assert.notDeepEqual(batches.epoch([1, 1]), first);
    assert.notDeepEqual(batches.epoch([2, 0]), first);
    const order = first.map(({ length }) => length);
    assert.notDeepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    // Samples of like length: few tokens are padding.
    const tokens = lengths.reduce((sum, length) => sum + length, 0);
    const used = first.reduce((sum, batch) => sum + batch.length * 8, 0);
    assert.ok(tokens / used > 0.75, `${tokens} of ${used}`);
  });

  it('refuse a sample that no batch holds', () => {
    const options = { lengths: Int32Array.of(3, 40), paddedLengths: [16, 32], batchSize: 2 };
    assert.throws(() => new LengthBatches(options), { code: 'data.too-long', message: /40.*32/ });
  });
});

describe('sequenceBatch', () => {
  it('pads sequences and rows', () => {
    const sequences = [
      { ids: [5, 6, 7], types: [0, 0, 1] },
      { ids: [8], types: [0] },
    ];
    const { ids, mask, types } = sequenceBatch(sequences, { rows: 3, length: 4, padId: 9 });
    assert.deepEqual(ids.shape, [3, 4]);
    assert.deepEqual([...ids.data], [5, 6, 7, 9, 8, 9, 9, 9, 9, 9, 9, 9]);
    assert.deepEqual([...mask.data], [1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual([...types.data], [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.throws(() => sequenceBatch(sequences, { rows: 1, length: 4, padId: 0 }), RangeError);
    assert.throws(() => sequenceBatch(sequences, { rows: 2, length: 2, padId: 0 }), RangeError);
  });
});
