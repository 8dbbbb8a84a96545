import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawByScore, type DrawOptions } from '../../../core/methods/swiftlearn/sampling/drawing';

const SIZE = 200;
/** Most are easy, some hard, one has not been seen. */
const SCORES = Float32Array.from({ length: SIZE }, (_, i) => (i === 150 ? NaN : i < 180 ? i / 1000 : 1));
const OPTIONS = { keep: 0.2, skipHardest: 0, rank: (sample: number) => sample };
const DRAWS = 4000;

const draw = (number: number, options: Partial<DrawOptions> = {}, scores = SCORES) =>
  drawByScore(scores, { ...OPTIONS, stream: [7, number], ...options });

/** How often each sample is drawn, and the mean of its weight, 0 where it is not. */
function often(options: Partial<DrawOptions> = {}) {
  const [drawn, weighed] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  for (let number = 0; number < DRAWS; number++) {
    const { kept, weights } = draw(number, options);
    for (let i = 0; i < SIZE; i++) {
      drawn[i]! += kept[i]! / DRAWS;
      weighed[i]! += weights[i]! / DRAWS;
    }
  }
  return { drawn, weighed };
}

describe('samples that are drawn by their scores', () => {
  it('are as many as asked for, the same for the same stream and others for another', () => {
    for (let number = 0; number < 50; number++) {
      const { kept, count, threshold } = draw(number);
      assert.equal(count, 40);
      assert.equal(
        kept.reduce((sum, one) => sum + one, 0),
        40,
      );
      assert.equal(threshold, null);
    }
    assert.deepEqual(draw(3), draw(3));
    assert.notDeepEqual(draw(3).kept, draw(4).kept);
  });

  it('count together as much as all samples do, whatever their chances', () => {
    const { drawn, weighed } = often();
    // 4000 draws of a chance of 1 in 14 and a weight of 3: a deviation of 0.011 of 0.2.
    for (const mean of weighed) assert.ok(Math.abs(mean - 0.2) < 0.06, String(mean));
    const [easy, hard, unseen] = [drawn[10]!, drawn[190]!, drawn[150]!];
    assert.ok(hard > 6 * easy, `${hard} and ${easy}`);
    assert.ok(Math.abs(unseen - hard) < 0.05, `${unseen} and ${hard}`);
    assert.ok(Math.min(...drawn) > 0.04, 'the easiest are drawn too');
    assert.ok(Math.max(...draw(1).weights) <= 4);
  });

  it('are drawn alike where all scores are, even 0', () => {
    const { weights, kept } = draw(5, {}, new Float32Array(SIZE));
    assert.deepEqual(Uint8Array.from(weights), kept);
  });

  it('are all drawn where so many are asked for, each once', () => {
    const { count, weights } = draw(1, { keep: 0.99 });
    assert.equal(count, 198);
    assert.equal(weights.filter((weight) => weight > 0).length, 198);
  });

  it('leave out the very hardest, and keep classes balanced, where that is asked for', () => {
    const { drawn } = often({ skipHardest: 0.05 });
    assert.equal([...drawn].filter((share) => share === 0).length, 10);
    const labels = Int32Array.from({ length: SIZE }, (_, i) => (i < 50 ? 0 : 1));
    const { kept } = draw(2, { balance: { labels, classes: 2 } });
    assert.equal(
      kept.subarray(0, 50).reduce((sum, one) => sum + one, 0),
      10,
    );
  });
});
