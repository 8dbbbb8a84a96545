import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { useLibraryOf } from '../../../core/engine/runtime/library';
import { standInForCuda } from '../../fixtures/cuda-stand-in';
import { Nursery } from '../plrd/nursery';

const CUDA = { provider: 'cuda', threads: 1 } as const;
const HALF = { ...CUDA, precision: 'float16' } as const;

describe('a training in float16, of a model and its checkpoints', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'winnow-float16-'));
  let nursery: Nursery;
  before(async () => {
    process.env.WINNOW_RUNTIME_CUDA = standInForCuda(path.join(folder, 'cuda'), { seen: path.join(folder, 'seen') });
    useLibraryOf(CUDA);
    nursery = await Nursery.open();
  });
  after(async () => {
    await nursery.close();
    Reflect.deleteProperty(process.env, 'WINNOW_RUNTIME_CUDA');
    rmSync(folder, { recursive: true });
  });

  /** The numbers of every step and evaluation. */
  const numbersOf = ({ events }: Awaited<ReturnType<Nursery['train']>>) =>
    events
      .filter((event) => event.type === 'metrics')
      .map(({ step, values }): Record<string, number> => ({ step, ...values }));

  it('ends with the same numbers when it was stopped and resumed', async () => {
    const whole = await nursery.train('whole', { device: HALF });
    const numbers = numbersOf(whole);
    assert.equal(numbers.length, 6);
    assert.ok(numbers.every((step) => 'heldOut/loss' in step || step.lossScale === 65_536));
    const stopped: unknown[] = [];
    await assert.rejects(
      nursery.train('parts', { device: HALF, stopAfter: 1, onNumbers: (step) => stopped.push(step) }),
      /abort/i,
    );
    const rest = await nursery.train('parts', { device: HALF });
    assert.deepEqual([...stopped, ...numbersOf(rest)], numbers);
    assert.deepEqual(rest.trained.parameters, whole.trained.parameters);
    // It is not what float32 comes to, but nearly.
    const single = numbersOf(await nursery.train('single', { device: CUDA }));
    assert.ok(single.every((step) => !('lossScale' in step)));
    const last = (all: typeof numbers) => all.findLast((step) => 'heldOut/loss' in step)!['heldOut/loss']!;
    assert.notEqual(last(numbers), last(single));
    assert.ok(Math.abs(last(numbers) - last(single)) < 1e-3 * last(single));
  });
});
