import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { measureMemory, takenAndEstimated } from '../../bench/memory-measure';
import { MEMORY_SUBJECTS, type MemorySubject } from '../../bench/memory-subjects';

const CHILD = path.resolve('dist', 'test', 'bench', 'memory-child.bench.js');
const STEPS = 2;
/** Estimated over measured: the estimate leaves out the compiled graph, the allocator's gaps and what a process holds besides. */
const [LOWEST, HIGHEST] = [0.65, 1.15];

describe(
  'the memory of a training on the CPU, estimated from its graph',
  { skip: process.platform !== 'linux' },
  () => {
    for (const name of Object.keys(MEMORY_SUBJECTS) as MemorySubject[])
      it(`is that of a process that trains a ${name}; with recomputation it is less, and the losses are the same`, async () => {
        const ask = (checkpointActivations: boolean) =>
          measureMemory(CHILD, { name, steps: STEPS, accumulate: 1, checkpointActivations });
        const [usual, recomputed] = [await ask(false), await ask(true)];
        for (const found of [usual, recomputed]) {
          const { taken, estimated } = takenAndEstimated(found);
          const ratio = estimated / taken;
          assert.ok(ratio > LOWEST && ratio < HIGHEST, `estimated ${estimated} bytes, took ${taken}`);
        }
        const saved = takenAndEstimated(usual).taken - takenAndEstimated(recomputed).taken;
        const expected = usual.estimate.steps - recomputed.estimate.steps;
        assert.ok(expected > 0.3 * usual.estimate.steps, `saves ${expected} of ${usual.estimate.steps} bytes`);
        // What a process has held at most also depends on when its garbage was collected.
        assert.ok(saved > 0.25 * expected, `saves ${saved} bytes, estimated ${expected}`);
        assert.deepEqual(recomputed.losses, usual.losses);
      });

    it('of a step of two micro-batches counts both of its graphs', async () => {
      const found = await measureMemory(CHILD, {
        name: 'decoder',
        steps: STEPS,
        accumulate: 2,
        checkpointActivations: false,
      });
      const { taken, estimated } = takenAndEstimated(found);
      assert.ok(
        estimated / taken > LOWEST && estimated / taken < HIGHEST,
        `estimated ${estimated} bytes, took ${taken}`,
      );
    });
  },
);
