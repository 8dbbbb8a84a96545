import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from '../../fast-check';
import { paretoFront } from '../../../core/protocol/pareto';

it('the front is what no other point beats, by the definition', () => {
  const point = fc.record({ x: fc.integer({ min: 0, max: 9 }), y: fc.integer({ min: 0, max: 9 }) });
  const better = fc.constantFrom('lower' as const, 'higher' as const);
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), better, better, (points, betterX, betterY) => {
      const cost = (value: number, of: 'lower' | 'higher') => (of === 'lower' ? value : -value);
      const beats = (a: { x: number; y: number }, b: { x: number; y: number }) => {
        const [dx, dy] = [cost(a.x, betterX) - cost(b.x, betterX), cost(a.y, betterY) - cost(b.y, betterY)];
        return dx <= 0 && dy <= 0 && (dx < 0 || dy < 0);
      };
      const expected = points.flatMap((one, index) => (points.some((other) => beats(other, one)) ? [] : [index]));
      assert.deepEqual(
        paretoFront(points, betterX, betterY).sort((a, b) => a - b),
        expected,
      );
    }),
  );
});

it('leaves out what is no number', () => {
  assert.deepEqual(
    paretoFront(
      [
        { x: NaN, y: 0 },
        { x: 1, y: Infinity },
        { x: 2, y: 2 },
      ],
      'lower',
      'lower',
    ),
    [2],
  );
});
