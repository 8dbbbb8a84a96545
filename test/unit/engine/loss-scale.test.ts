import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FIRST_LOSS_SCALE, GROWS_AFTER, nextLossScale, type LossScale } from '../../../core/engine/loss-scale';

/** The factor after some steps, each of which was finite or not. */
const after = (start: LossScale, ...steps: boolean[]): LossScale =>
  steps.reduce((scale, finite) => nextLossScale(scale, finite)!, start);
const finite = (count: number): boolean[] => Array.from({ length: count }, () => true);

describe('the factor of the loss', () => {
  it('is halved where a gradient overflows, and the steps are counted', () => {
    assert.deepEqual(FIRST_LOSS_SCALE, { scale: 65_536, steady: 0, skipped: 0 });
    assert.deepEqual(after(FIRST_LOSS_SCALE, true, true, false), { scale: 32_768, steady: 0, skipped: 1 });
    assert.deepEqual(after(FIRST_LOSS_SCALE, false, false, true), { scale: 16_384, steady: 1, skipped: 2 });
  });

  it('is doubled after as many steps without', () => {
    const almost = after(FIRST_LOSS_SCALE, ...finite(GROWS_AFTER - 1));
    assert.deepEqual(almost, { scale: 65_536, steady: GROWS_AFTER - 1, skipped: 0 });
    assert.deepEqual(nextLossScale(almost, true), { scale: 131_072, steady: 0, skipped: 0 });
    // One that overflows starts the count again.
    assert.deepEqual(after(almost, false, ...finite(GROWS_AFTER - 1)), {
      scale: 32_768,
      steady: GROWS_AFTER - 1,
      skipped: 1,
    });
  });

  it('stays within what float16 has use for', () => {
    assert.deepEqual(nextLossScale({ scale: 2 ** 24, steady: GROWS_AFTER - 1, skipped: 3 }, true), {
      scale: 2 ** 24,
      steady: 0,
      skipped: 3,
    });
    assert.deepEqual(nextLossScale({ scale: 2, steady: 5, skipped: 3 }, false), { scale: 1, steady: 0, skipped: 4 });
    assert.equal(nextLossScale({ scale: 1, steady: 5, skipped: 3 }, false), undefined);
  });
});
