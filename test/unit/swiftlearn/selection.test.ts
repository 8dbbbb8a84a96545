import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { nthLargest, selectMost } from '../../../core/methods/swiftlearn/sampling/selection';

const numbers = fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.float({ noNaN: true })), {
  minLength: 1,
  maxLength: 60,
});

describe('choosing the most important samples', () => {
  it('finds the number at a rank as sorting does', () => {
    fc.assert(
      fc.property(numbers, fc.nat(), (values, at) => {
        const rank = at % values.length;
        const sorted = [...values].sort((a, b) => b - a);
        // Of 0 and −0 either may come first.
        assert.ok(nthLargest(Float64Array.from(values), rank) === sorted[rank]);
      }),
    );
  });

  it('keeps those of the highest scores, without the very hardest; ties go by rank', () => {
    fc.assert(
      fc.property(
        numbers,
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (values, keep, skipHardest) => {
          const scores = Float32Array.from(values);
          const rank = (sample: number) => (sample * 7919) % 10_007;
          const { kept, count, threshold } = selectMost(scores, { keep, skipHardest, rank });
          const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || rank(a) - rank(b));
          const expected = Math.max(1, Math.round(keep * scores.length));
          const skipped = Math.min(Math.floor(skipHardest * scores.length), scores.length - expected);
          const chosen = order.slice(skipped, skipped + expected);
          assert.equal(count, expected);
          assert.deepEqual(
            [...kept.keys()].filter((i) => kept[i] === 1),
            chosen.sort((a, b) => a - b),
          );
          assert.equal(threshold, Math.min(...chosen.map((sample) => scores[sample]!)));
        },
      ),
    );
  });

  it('keeps the same share of every class when it is asked to', () => {
    const labels = Int32Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : 2));
    const scores = Float32Array.from({ length: 100 }, (_, i) => i);
    const { kept, count } = selectMost(scores, {
      keep: 0.1,
      skipHardest: 0,
      balance: { labels, classes: 3 },
      rank: (sample) => sample,
    });
    assert.deepEqual(
      [...kept.keys()].filter((i) => kept[i] === 1),
      [72, 73, 74, 75, 76, 77, 78, 79, 98, 99],
    );
    assert.equal(count, 10);
  });

  it('keeps what no pass has seen', () => {
    const { kept } = selectMost(Float32Array.of(3, NaN, 5), { keep: 0.67, skipHardest: 0, rank: (sample) => sample });
    assert.deepEqual([...kept], [0, 1, 1]);
  });

  it('of a million samples, nearly all equal, is done at once', () => {
    const scores = new Float32Array(1_000_000);
    scores[123_456] = 1;
    const { count, kept } = selectMost(scores, { keep: 0.1, skipHardest: 0.05, rank: (sample) => sample });
    assert.equal(count, 100_000);
    assert.equal(kept[123_456], 0);
    assert.equal(
      kept.reduce((sum, one) => sum + one, 0),
      100_000,
    );
  });

  it('leaves out all samples that look wrong, so that fewer remain if they must', () => {
    const scores = Float32Array.from({ length: 10 }, (_, i) => i);
    const listed = Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 1, 1);
    const rank = (sample: number) => sample;
    const some = selectMost(scores, { keep: 0.5, skipHardest: { listed }, rank });
    assert.deepEqual([...some.kept], [0, 0, 0, 1, 1, 1, 1, 1, 0, 0]);
    assert.deepEqual([some.count, some.leftOut, some.threshold], [5, 3, 3]);
    const all = selectMost(scores, { keep: 0.9, skipHardest: { listed }, rank });
    assert.deepEqual([...all.kept], [1, 0, 1, 1, 1, 1, 1, 1, 0, 0]);
    assert.deepEqual([all.count, all.leftOut, all.threshold], [7, 3, 0]);
  });
});
