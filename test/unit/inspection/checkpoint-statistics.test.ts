import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkpointStatistics } from '../../../core/inspection/statistics/of-tensors';
import { tensorStatistics } from '../../../core/inspection/statistics/statistics';
import {
  damagedFirst,
  isDamaged,
  statisticsFinding,
  type TensorHealth,
} from '../../../core/protocol/checkpoint-statistics';
import { readerOf, single } from './reader';

const model = () =>
  readerOf({
    'a.weight': single([2, 2], [1, 2, 3, 4]),
    'b.weight': single([3], [NaN, 0, -Infinity]),
    empty: single([0], []),
    scalar: single([], [7]),
    'c.weight': single([2], [Infinity, 1]),
  });

describe('the statistics of all tensors', () => {
  it('says of each what the statistics of it alone say', async () => {
    const reader = await model();
    const rows = await checkpointStatistics(reader);
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['a.weight', 'b.weight', 'empty', 'scalar', 'c.weight'],
    );
    for (const row of rows) {
      const alone: Partial<TensorHealth> = await tensorStatistics(reader, row.name);
      for (const key of Object.keys(row) as (keyof TensorHealth)[]) assert.deepEqual(row[key], alone[key], key);
    }
  });

  it('tells each tensor as it is finished, and how far it is over all of them', async () => {
    const seen: string[] = [];
    const shares: number[] = [];
    await checkpointStatistics(await model(), {
      onRow: ({ name }) => seen.push(name),
      onProgress: ({ done, total }) => shares.push(done / total),
    });
    assert.deepEqual(seen, ['a.weight', 'b.weight', 'empty', 'scalar', 'c.weight']);
    assert.deepEqual(
      shares.map((share) => Math.round(share * 40)),
      [16, 28, 32, 40],
    );
  });

  it('stops when it is called off, and goes on from what is known', async () => {
    const reader = await model();
    const controller = new AbortController();
    const known: TensorHealth[] = [];
    const first = checkpointStatistics(reader, {
      signal: controller.signal,
      onRow: (row) => {
        known.push(row);
        if (known.length === 2) controller.abort(new Error('enough'));
      },
    });
    await assert.rejects(first, /enough/);
    assert.equal(known.length, 2);
    const seen: string[] = [];
    const marked = known.map((row) => ({ ...row, mean: 42 }));
    const rows = await checkpointStatistics(reader, { known: marked, onRow: ({ name }) => seen.push(name) });
    assert.deepEqual(seen, ['empty', 'scalar', 'c.weight']);
    assert.deepEqual(
      rows.map(({ mean }) => mean),
      [42, 42, null, 7, 1],
    );
  });

  it('puts what is damaged first and says how many are', async () => {
    const rows = await checkpointStatistics(await model());
    assert.deepEqual(
      damagedFirst(rows).map(({ name }) => name),
      ['b.weight', 'c.weight', 'a.weight', 'empty', 'scalar'],
    );
    assert.equal(statisticsFinding(rows), '2 of 5 tensors hold NaN or Inf.');
    assert.equal(statisticsFinding(rows.slice(0, 2)), '1 of 2 tensors holds NaN or Inf.');
    assert.equal(statisticsFinding(rows.filter((row) => !isDamaged(row))), 'No NaN and no Inf in 3 tensors.');
    assert.equal(statisticsFinding([]), 'There are no tensors.');
  });
});
