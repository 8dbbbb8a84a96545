import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LocalCompute } from '../../../core/compute/local';
import { Synchronizer } from '../../../core/compute/synchronizer';
import { Targets } from '../../../core/compute/targets';
import { createRegistry } from '../../../core/experiments/registry';
import { readState } from '../../../core/experiments/run/state';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { eventually } from '../../patience';
import { Workbench } from '../experiments/workbench';
import { SecondMachine } from './second-machine';

const NOTHING = { changes: [], problems: [], fetches: [], underway: 0, fetching: 0 };
const registry = createRegistry([arithmetic]);

describe('the mirrors of a folder of runs', { concurrency: false }, () => {
  let bench: Workbench;
  let machine: SecondMachine;
  let all: Synchronizer;
  before(async () => {
    bench = await Workbench.open();
    const root = path.join(bench.folder, 'second-machine');
    await mkdir(root);
    const worker = path.join(bench.folder, 'worker.js');
    machine = new SecondMachine(root, worker);
    all = new Synchronizer(
      bench.runs,
      new Targets(new LocalCompute(worker, registry), () => Promise.resolve([machine])),
    );
  });
  after(async () => {
    machine.close();
    await bench.close();
  });

  it('are brought up to date together; what has changed is said once, and what keeps us from a machine, too', async () => {
    await bench.json(0, 'run', await bench.spec({ steps: 3 }, 'here'));
    assert.deepEqual(await all.look(), NOTHING);

    const spec = await loadSpec(await bench.spec({ steps: 12, gate: 'gate' }, 'there'), registry);
    const dirs = [await machine.create(spec, bench.runs), await machine.create(spec, bench.runs)];
    for (const dir of dirs) await machine.submit(dir);
    await eventually('both to be underway', async () => (await all.look()).underway === 2);

    machine.reachable = false;
    const away = await all.look();
    assert.deepEqual(
      away.problems.map(({ target, code }) => [target, code]),
      [['second', 'target.unreachable']],
    );
    assert.equal(away.underway, 2, 'silence ends nothing');
    assert.deepEqual((await all.look()).problems, [], 'the same problem is said once');
    machine.reachable = true;
    await machine.openGate('gate');
    const ended: string[] = [];
    await eventually('both to end', async () => {
      const { changes, underway } = await all.look();
      for (const { dir, state, target } of changes) if (state === 'done') ended.push(`${target} ${path.basename(dir)}`);
      return underway === 0;
    });
    assert.deepEqual(ended.sort(), dirs.map((dir) => `second ${path.basename(dir)}`).sort());
    for (const dir of dirs) assert.equal((await readState(dir)).state, 'done');
    await all.settled();
    assert.deepEqual(await all.look(), NOTHING);
  });

  it('wait for nothing of a run that is deleted while its checkpoints are fetched', async () => {
    const root = path.join(bench.folder, 'third-machine');
    await mkdir(root);
    const worker = path.join(bench.folder, 'worker.js');
    const third = new DeletedMeanwhile(root, worker);
    const those = new Synchronizer(
      bench.runs,
      new Targets(new LocalCompute(worker, registry), () => Promise.resolve([third])),
    );
    const dir = await third.create(await loadSpec(await bench.spec({ steps: 12 }, 'deleted'), registry), bench.runs);
    await third.submit(dir);
    await eventually('the run to be gone', async () => {
      await those.look();
      await those.settled();
      return !existsSync(dir);
    });
    assert.deepEqual(await those.look(), NOTHING);
    third.close();
  });
});

/** A machine whose runs are deleted here as soon as one of their checkpoints is fetched. */
class DeletedMeanwhile extends SecondMachine {
  override fetches() {
    return Promise.resolve({ which: 'all' as const, limit: 1e9 });
  }

  override async fetch(dir: string): Promise<string> {
    await rm(dir, { recursive: true });
    return readFile(path.join(dir, 'run.json'), 'utf8');
  }
}
