import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CallSize } from '../../../core/training/call-size';

/** The sizes of the first calls, if one takes so many seconds for the state and so many for each step. */
function sizes(size: CallSize, { state, step }: { state: number; step: number }, calls = 60): number[] {
  const taken: number[] = [];
  for (let call = 0; call < calls; call++) {
    taken.push(size.steps);
    size.took(size.steps, (call === 0 ? 30 : 0) + state + size.steps * step);
  }
  return taken;
}

describe('the number of steps in a call', () => {
  it('grows while that makes steps faster and calls stay short', () => {
    const taken = sizes(new CallSize(), { state: 0.05, step: 0.01 });
    assert.deepEqual(taken.slice(0, 7), [1, 1, 1, 2, 2, 2, 4]);
    const last = taken.at(-1)!;
    assert.equal(last, 32);
    assert.ok(0.05 + last * 0.01 <= 0.5);
  });

  it('stays one where the state costs nothing, or a step is long', () => {
    assert.equal(sizes(new CallSize(), { state: 0, step: 0.01 }).at(-1), 1);
    assert.equal(sizes(new CallSize(), { state: 1, step: 0.3 }).at(-1), 1);
    assert.equal(sizes(new CallSize(1), { state: 0.05, step: 0.01 }).at(-1), 1);
  });

  it('is no larger than the batches may be', () => {
    assert.equal(sizes(new CallSize(5), { state: 0.05, step: 0.001 }).at(-1), 4);
  });

  it('shrinks if the device becomes slow', () => {
    const size = new CallSize();
    assert.equal(sizes(size, { state: 0.05, step: 0.01 }).at(-1), 32);
    // A call at the end of an epoch, and one long pause, say nothing.
    size.took(3, 100);
    size.took(32, 100);
    size.took(32, 0.4);
    assert.equal(size.steps, 32);
    assert.ok(sizes(size, { state: 0.05, step: 0.1 }).at(-1)! <= 8);
  });
});
