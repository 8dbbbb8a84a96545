import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { arraysOf, indicesOf, readIndices } from '../../../core/compute/slurm/arrays';
import { JobList } from '../../../core/compute/slurm/commands';
import { readJob, writeJob, type JobFile } from '../../../core/compute/slurm/job-file';
import { tallyInWords, tallyOf } from '../../../core/compute/slurm/tally';
import fc from '../../fast-check';

/** Trials in which each may start from one that comes before it. */
const plans = fc.array(fc.option(fc.nat(), { nil: undefined }), { minLength: 1, maxLength: 30 }).map((starts) =>
  starts.map((start, i) => ({
    name: `t${i}`,
    ...(start !== undefined && i > 0 && { after: `t${start % i}` }),
  })),
);

describe('trials as job arrays', () => {
  it('run each trial once, each as a task that waits for the task of the one it starts from', () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4 }), (plan, size, perTask) => {
        const arrays = arraysOf(plan, { size, perTask });
        const names = arrays.flatMap(({ tasks }) => [...tasks.values()].flat());
        assert.deepEqual([...names].sort(), plan.map(({ name }) => name).sort());
        for (const { tasks, after } of arrays)
          for (const [index, trials] of tasks) {
            assert.ok(index < size && trials.length >= 1 && trials.length <= perTask);
            for (const trial of trials) {
              const from = plan.find(({ name }) => name === trial)!.after;
              if (after === undefined) assert.equal(from, undefined);
              else assert.ok(arrays[after]!.tasks.get(index)!.includes(from!), `${trial} waits for ${from}`);
            }
          }
        for (const [i, { after = -1 }] of arrays.entries())
          assert.ok(after < i, 'in an order in which they can be submitted');
      }),
    );
  });

  it('do not wait for a trial that is done', () => {
    const [only] = arraysOf([{ name: 'b', after: 'a' }], { size: 10, perTask: 1 });
    assert.deepEqual([only!.after, [...only!.tasks]], [undefined, [[0, ['b']]]]);
  });

  it('write indices as Slurm reads them, and read them as it prints them', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1 }), (indices) => {
        assert.deepEqual(
          readIndices(indicesOf(indices)),
          [...indices].sort((a, b) => a - b),
        );
      }),
    );
    assert.deepEqual(readIndices('[2-5%2]'), [2, 3, 4, 5]);
    assert.deepEqual(readIndices('0-8:4,11'), [0, 4, 8, 11]);
    assert.equal(readIndices('1,3,...'), undefined);
  });

  const arrays = (tasks: string[][]) => [
    { name: 'x-0', job: '7', tasks: Object.fromEntries(tasks.map((trials, i) => [String(i), trials])) },
  ];

  it('are counted: done by their files, the others by their tasks', async () => {
    const list = new JobList();
    list.add({ id: '7', state: 'RUNNING', reason: 'None' }, '0');
    list.add({ id: '7', state: 'FAILED', reason: 'NonZeroExitCode' }, '1');
    list.add({ id: '7', state: 'PENDING', reason: 'Priority' }, '2-3%2');
    const tally = await tallyOf(arrays([['a', 'b'], ['c'], ['d'], ['e', 'f']]), 8, new Set(['a', 'x']), list);
    assert.equal(
      tallyInWords(tally),
      '2 of 8 trials done, 1 not done, whose jobs have ended, 1 running, 3 pending: other jobs come first',
    );
    list.add({ id: '7', state: 'PENDING', reason: 'JobArrayTaskLimit' }, '2-3%2');
    const limited = await tallyOf(arrays([['a', 'b'], ['c'], ['d'], ['e', 'f']]), 8, new Set(['a', 'c', 'x']), list);
    assert.equal(tallyInWords(limited), '3 of 8 trials done, 1 running, 3 pending', 'the limit is its own');
  });

  it('are in job.json, of which the older format is still read', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'winnow-job-'));
    try {
      await writeFile(path.join(dir, 'job.json'), '{"v": 1, "name": "winnow-x", "job": "12"}');
      assert.deepEqual(await readJob(dir), { v: 2, name: 'winnow-x', job: '12', trials: [], arrays: [] });
      const file: JobFile = { v: 2, name: 'n', job: null, trials: ['a', 'b'], arrays: arrays([['a'], ['b']]) };
      await writeJob(dir, file);
      assert.deepEqual(await readJob(dir), file);
      await writeFile(path.join(dir, 'job.json'), '{"v": 3}');
      await assert.rejects(readJob(dir), /newer version/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
