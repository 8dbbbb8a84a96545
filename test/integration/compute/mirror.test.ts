import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LocalCompute } from '../../../core/compute/local';
import { RunMirror } from '../../../core/compute/mirror';
import { UserError } from '../../../core/errors';
import { describeCheckpoint, listCheckpoints } from '../../../core/experiments/library/checkpoints';
import { RunLibrary } from '../../../core/experiments/library/library';
import { readSummary } from '../../../core/experiments/library/store';
import { createRegistry } from '../../../core/experiments/registry';
import { runPaths } from '../../../core/experiments/run/directory';
import { createRun } from '../../../core/experiments/run/launch';
import { Lease } from '../../../core/experiments/run/lease';
import { readEvents } from '../../../core/experiments/run/event-log';
import { readMirror, writeMirror } from '../../../core/experiments/run/mirror-file';
import { runWorker } from '../../../core/experiments/run/worker';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { isAlive } from '../../../core/workers/process';
import { describeRun } from '../../../extension/views/describe';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { eventually } from '../../patience';
import { Workbench } from '../experiments/workbench';
import { contract, processHere } from './contract';
import { SecondMachine } from './second-machine';

async function openMachine(bench: Workbench): Promise<SecondMachine> {
  const root = path.join(bench.folder, 'second-machine');
  await mkdir(root);
  return new SecondMachine(root, path.join(bench.folder, 'worker.js'));
}

contract('on a second machine', async (bench) => {
  const machine = await openMachine(bench);
  return {
    target: machine,
    worker: async (dir) => processHere(await machine.processOf(dir)),
    openGate: (name) => machine.openGate(name),
    queue: machine,
    close: async () => {
      machine.close();
      return Promise.resolve();
    },
  };
});

const registry = createRegistry([arithmetic]);
const hasCode = (code: string) => (error: unknown) => error instanceof UserError && error.code === code;

describe('the mirror of a run on a second machine', { concurrency: false }, () => {
  let bench: Workbench;
  let machine: SecondMachine;
  before(async () => {
    bench = await Workbench.open();
    machine = await openMachine(bench);
  });
  after(async () => {
    machine.close();
    await bench.close();
  });

  let count = 0;
  const submit = async (settings: object) => {
    const file = await bench.spec({ seed: 5, steps: 40, checkpointEvery: 7, ...settings }, `mirror-${count++}`);
    const dir = await createRun(await loadSpec(file, registry), bench.runs, machine.name);
    await machine.submit(dir);
    return dir;
  };
  /** At a gate that it waits at, or at its end. */
  const until = (dir: string, look: () => Promise<boolean>) =>
    eventually(`the run in ${dir}`, async () => {
      await machine.state(dir);
      return look();
    });
  const hasStep = (dir: string, step: number) => async () =>
    (await readEvents(runPaths(dir).events)).events.some((event) => event.type === 'metrics' && event.step === step);
  /** The status is read before the events, so the first pull with this step may still call the run submitted. */
  const isRunningAt = (dir: string, step: number) => async () =>
    (await hasStep(dir, step)()) && (await readSummary(dir)).state === 'running';
  const isDone = (dir: string) => until(dir, async () => (await readSummary(dir)).state === 'done');
  const rowOf = async (dir: string) => {
    const library = new RunLibrary(bench.runs);
    await library.refresh();
    await library.settled();
    const row = library.row(path.basename(dir));
    library.close();
    assert.ok(row);
    return row;
  };

  it('is shown as it was last heard of while the machine cannot be reached, and nothing is lost', async () => {
    const dir = await submit({ gate: 'silence' });
    await until(dir, isRunningAt(dir, 10));
    const { heard } = await machine.mirrorOf(dir);
    const log = await readFile(runPaths(dir).events);
    machine.reachable = false;
    await machine.openGate('silence');
    const { state } = await machine.state(dir);
    assert.equal(state, 'running', 'silence is no evidence of an end');
    assert.equal((await machine.mirrorOf(dir)).heard, heard);
    assert.deepEqual(await readFile(runPaths(dir).events), log);
    // What lists say, who read the directory alone.
    const row = await rowOf(dir);
    assert.deepEqual([row.state, row.target, row.heard], ['running', 'second', heard]);
    assert.doesNotMatch(describeRun(row, heard + 1_000), /last heard/);
    assert.match(describeRun(row, heard + 300_000), /10\/40 steps.* · last heard 5 min ago$/);
    assert.equal((await bench.json(0, 'show', path.basename(dir))).heard, new Date(heard).toISOString());
    await assert.rejects(machine.fetch(dir, 'checkpoints/step-000007'), hasCode('target.unreachable'));
    machine.reachable = true;
    await isDone(dir);
    assert.equal((await rowOf(dir)).heard, null);
    assert.deepEqual(await readFile(runPaths(dir).events), await readFile(runPaths(machine.remote(dir)).events));
  });

  it('says in lists what a run waits for', async () => {
    machine.hold();
    const dir = await submit({});
    const row = await rowOf(dir);
    assert.deepEqual([row.state, row.reason], ['pending', 'Another run is using the machine.']);
    assert.equal(describeRun(row), 'waiting: Another run is using the machine. · on second');
    const { stdout } = await bench.winnow('list');
    assert.match(stdout, new RegExp(`${path.basename(dir)} +pending .*\\n +Another run is using the machine\\.`));
    const refused = await bench.json(1, 'delete', path.basename(dir));
    assert.match(JSON.stringify(refused), /run\.busy/);
    await machine.release();
    await isDone(dir);
  });

  it('is never written by a worker', async () => {
    const dir = await submit({});
    await isDone(dir);
    const before = await readdir(dir);
    await assert.rejects(Lease.take(dir, { heartbeat: 0, attempt: 1, worker: null }), hasCode('run.mirror'));
    assert.equal(await runWorker(dir, registry), 1);
    const local = new LocalCompute(path.join(bench.folder, 'worker.js'), registry);
    await assert.rejects(local.submit(dir), hasCode('run.mirror'));
    assert.deepEqual(await readdir(dir), before);
    // The command line knows no such target here, and says so.
    const refused = await bench.json(1, 'resume', path.basename(dir));
    assert.match(JSON.stringify(refused), /run\.finished|target\.unknown/);
  });

  it('knows checkpoints that it has not fetched, and fetches one again that was replaced over there', async () => {
    const dir = await submit({});
    await isDone(dir);
    const [first] = await listCheckpoints(dir);
    assert.ok(first);
    const described = await describeCheckpoint(first);
    assert.equal(described.description, 'not fetched');
    assert.equal(described.step, 7);
    const here = await machine.fetch(dir, `checkpoints/${first.name}`);
    assert.deepEqual((await readdir(here)).sort(), ['meta.json', 'state.json']);
    const there = path.join(machine.remote(dir), 'checkpoints', first.name, 'state.json');
    await writeFile(there, '{"step": 7, "value": 0.123456}');
    await machine.state(dir);
    assert.ok(!existsSync(path.join(here, 'state.json')), 'an old copy passes for the new one');
    await machine.fetch(dir, `checkpoints/${first.name}`);
    assert.match(await readFile(path.join(here, 'state.json'), 'utf8'), /0\.123456/);
    // A run that is done keeps no training to resume: what is removed there is removed here.
    await rm(path.dirname(there), { recursive: true });
    await machine.state(dir);
    assert.ok(!existsSync(here));
  });

  it('deletes nothing outside of itself, whatever its own file says', async () => {
    const dir = await submit({});
    await isDone(dir);
    const mirror = (await readMirror(dir))!;
    const precious = path.join(path.dirname(dir), 'precious');
    await writeFile(precious, 'mine');
    const stamps = { ...mirror.stamps, '../precious': 'x', 'artifacts/../../precious': 'x', 'run.json': 'x' };
    await writeMirror(dir, { ...mirror, stamps });
    await machine.state(dir);
    assert.equal(await readFile(precious, 'utf8'), 'mine');
    assert.ok(existsSync(path.join(dir, 'run.json')));
    assert.deepEqual(Object.keys((await readMirror(dir))!.stamps).sort(), Object.keys(mirror.stamps).sort());
    await rm(precious);
  });

  it('takes no file from a machine that lists one outside', async () => {
    const dir = await submit({});
    await isDone(dir);
    const there = await machine.originOf(dir);
    const evil = ['artifacts/../../evil', '../evil', 'artifacts/.evil', 'artifacts//evil'];
    const mirror = new RunMirror(dir, {
      ...there,
      list: async () => [...(await there.list()), ...evil.map((file) => ({ path: file, size: 4, stamp: 'x' }))],
      read: (file, offset, limit) =>
        evil.includes(file) ? Promise.resolve(Buffer.from('evil').subarray(offset)) : there.read(file, offset, limit),
    });
    await mirror.pull();
    for (const place of [
      path.join(dir, 'evil'),
      path.join(path.dirname(dir), 'evil'),
      path.join(dir, 'artifacts', 'evil'),
    ])
      assert.ok(!existsSync(place), place);
  });

  it('copies artifacts when they change, once', async () => {
    const dir = await submit({});
    await isDone(dir);
    const there = path.join(runPaths(machine.remote(dir)).artifacts, 'result.json');
    const here = path.join(runPaths(dir).artifacts, 'result.json');
    assert.equal(await readFile(here, 'utf8'), await readFile(there, 'utf8'));
    await writeFile(here, 'a mark');
    await machine.state(dir);
    assert.equal(await readFile(here, 'utf8'), 'a mark', 'what has not changed is not copied');
    await writeFile(there, '{"value": 1}');
    await machine.state(dir);
    assert.equal(await readFile(here, 'utf8'), '{"value": 1}');
  });

  it('is the same whoever pulls, also at the same time, and takes half a line for none', async () => {
    const dir = await submit({ pause: 5, steps: 300 });
    await until(dir, async () => {
      await Promise.all(Array.from({ length: 6 }, () => machine.state(dir)));
      return (await readSummary(dir)).state === 'done';
    });
    const there = runPaths(machine.remote(dir)).events;
    const whole = await readFile(there);
    assert.deepEqual(await readFile(runPaths(dir).events), whole);
    await appendFile(there, '{"v":1,"time":1,"att');
    await machine.state(dir);
    assert.deepEqual(await readFile(runPaths(dir).events), whole);
  });

  it('begins anew where the event log over there is another one', async () => {
    const dir = await submit({});
    await isDone(dir);
    const there = runPaths(machine.remote(dir)).events;
    const lines = (await readFile(there, 'utf8')).split('\n');
    await writeFile(there, `${lines.slice(3, 12).join('\n')}\n`);
    await machine.state(dir);
    assert.deepEqual(await readFile(runPaths(dir).events), await readFile(there));
    await truncate(there);
    await machine.state(dir);
    assert.equal((await readFile(runPaths(dir).events)).length, 0);
  });

  it('does not take a worker for lost that ended while its machine was asked about it', async () => {
    const dir = await submit({ gate: 'last-words' });
    await until(dir, isRunningAt(dir, 10));
    const worker = await machine.processOf(dir);
    const mirror = new RunMirror(dir, await machine.originOf(dir));
    await mirror.pull(async ({ state }) => {
      if (state !== 'running') return undefined;
      await machine.openGate('last-words');
      await eventually('the worker to end', () => !isAlive(worker, 0));
      return { state: 'lost', reason: null };
    });
    assert.equal((await readSummary(dir)).state, 'done');
  });

  it('never takes an older status for a newer one, and says what is wrong with its own file', async () => {
    const dir = await submit({});
    await isDone(dir);
    const { status } = await machine.state(dir);
    const later = { ...status, attempt: 2, heartbeat: status.heartbeat + 1 };
    await writeFile(runPaths(dir).status, JSON.stringify(later));
    assert.equal((await machine.state(dir)).status.attempt, 2);
    // A status that cannot be read is not newer than anything.
    await writeFile(runPaths(dir).status, '');
    assert.equal((await machine.state(dir)).status.attempt, 1);
    await writeMirror(dir, { ...(await machine.mirrorOf(dir)), heard: 5 });
    await machine.state(dir);
    assert.ok((await machine.mirrorOf(dir)).heard > 5);
    await writeFile(path.join(dir, 'mirror.json'), '{"v": 1, "target": 7}');
    await assert.rejects(machine.state(dir), hasCode('run.unreadable'));
  });
});
