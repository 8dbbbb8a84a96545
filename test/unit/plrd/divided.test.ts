import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { divided, total } from '../../../core/methods/plrd/training/divided';
import fc from '../../fast-check';

describe('divided', () => {
  it('is exact, in proportion, and leaves no part empty', () => {
    assert.deepEqual(divided(60, [1, 4]), [12, 48]);
    assert.deepEqual(divided(16, [3, 1, 1, 3]), [6, 2, 2, 6]);
    assert.deepEqual(divided(4, [3, 1, 1, 3]), [1, 1, 1, 1]);
    assert.deepEqual(divided(2, [1, 1, 1]), [1, 1, 1]);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }),
        fc.nat(200),
        (shares, more) => {
          const count = shares.length + more;
          const parts = divided(count, shares);
          assert.equal(total(parts), count);
          for (const [i, part] of parts.entries()) {
            assert.ok(part >= 1);
            assert.ok(part - 1 <= (count * shares[i]!) / total(shares) + 1);
          }
        },
      ),
    );
  });
});
