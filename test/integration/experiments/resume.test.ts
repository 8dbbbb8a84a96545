import assert from 'node:assert/strict';
import { cp, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvents } from '../../../core/experiments/run/event-log';
import { runPaths } from '../../../core/experiments/run/directory';
import { isAlive } from '../../../core/workers/process';
import { workerOf } from '../../fixtures/experiments/records';
import { outcome, poll, status, until, Workbench } from './workbench';

const SETTINGS = { seed: 11, steps: 60, checkpointEvery: 7, pause: 0 };

/** Seeded delays: the same moments in every run of the test, as far as a clock can promise that. */
function* delays(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const stepsSoFar = async (dir: string) =>
  (await readEvents(runPaths(dir).events)).events.filter((event) => event.type === 'metrics').length;

describe('a run that is cut', () => {
  let bench: Workbench;
  let whole: unknown;
  before(async () => {
    bench = await Workbench.open();
    const dir = await bench.detach(SETTINGS);
    assert.equal(await until(dir, 'done', 'failed'), 'done');
    whole = await outcome(dir);
  });
  after(async () => {
    await bench.close();
  });

  it('by kill -9 at random moments: is lost, resumes, and ends with the same bits', async () => {
    // The gate before the end: however slow the machine, every kill meets a worker that works or waits.
    const dir = await bench.detach({ ...SETTINGS, pause: 15, gate: 'kills', gateAt: SETTINGS.steps - 1 });
    const random = delays(2026);
    for (let kills = 0; kills < 5; kills++) {
      await sleep(40 + 350 * random.next().value);
      const worker = workerOf(await status(dir));
      process.kill(worker.pid, 'SIGKILL');
      await poll('the worker to die', () => Promise.resolve(isAlive(worker, 0) ? undefined : true));
      assert.equal(await until(dir, 'lost'), 'lost');
      // What a kill in the middle of a write leaves behind.
      await mkdir(path.join(runPaths(dir).checkpoints, '.partial-step-000099-dead'));
      await bench.json(0, 'resume', path.basename(dir), '--detach');
      assert.ok(!(await readdir(runPaths(dir).checkpoints)).includes('.partial-step-000099-dead'));
    }
    await bench.openGate('kills');
    assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
    assert.equal((await status(dir)).attempt, 6);
    assert.deepEqual(await outcome(dir), whole);
    assert.deepEqual(
      (await readdir(dir)).filter((name) => name.startsWith('.')),
      [],
    );
  });

  it('by "winnow stop": saves a checkpoint, is stopped, resumes, and ends with the same bits', async () => {
    const dir = await bench.detach({ ...SETTINGS, gate: 'stop' });
    await poll('the gate', async () => ((await stepsSoFar(dir)) === 10 ? true : undefined));
    const stopped = await bench.json(0, 'stop', 'latest');
    assert.equal(stopped.state, 'stopped');
    const first = await status(dir);
    const { events } = await readEvents(runPaths(dir).events);
    const last = events.findLast((event) => event.type === 'metrics');
    const saved = events.findLast((event) => event.type === 'checkpoint');
    assert.ok(last && saved && last.step < SETTINGS.steps);
    assert.equal(saved.step, last.step, 'the stop lost steps');

    await bench.openGate('stop');
    const resumed = await bench.json(0, 'resume', path.basename(dir));
    assert.equal(resumed.state, 'done');
    assert.equal(resumed.attempt, 2);
    const second = await status(dir);
    assert.equal(second.worked, first.ended! - first.started!, 'the time of the first attempt counts');
    assert.equal(resumed.seconds, (second.worked + second.ended! - second.started!) / 1000);
    const { checkpoints, ...now } = Object(await outcome(dir)) as Record<string, unknown>;
    const { checkpoints: regular, ...before } = Object(whole) as Record<string, unknown>;
    assert.deepEqual(now, before);
    assert.ok(Array.isArray(checkpoints) && Array.isArray(regular) && checkpoints.length >= regular.length);
  });

  it('by "winnow stop --force": is stopped at once and resumes to the same bits', async () => {
    const dir = await bench.detach({ ...SETTINGS, gate: 'force' });
    await poll('the gate', async () => ((await stepsSoFar(dir)) === 10 ? true : undefined));
    assert.equal((await bench.json(0, 'stop', 'latest', '--force')).state, 'stopped');
    await bench.openGate('force');
    assert.equal((await bench.json(0, 'resume', 'latest')).state, 'done');
    assert.deepEqual(await outcome(dir), whole);
  });

  it('and in a workspace that was moved as a whole goes on there', async () => {
    const work = path.join(bench.folder, 'work');
    const moved = path.join(bench.folder, 'moved');
    await mkdir(work);
    await writeFile(path.join(work, 'in.txt'), 'an input, which is looked at when the run is resumed');
    const spec = path.join(work, 'moves.winnow.json');
    const settings = { ...SETTINGS, gate: 'gone', input: 'in.txt', device: { threads: 1 } };
    await writeFile(spec, JSON.stringify({ method: 'arithmetic', ...settings }));
    const runs = ['--runs-dir', path.join(work, 'runs')];
    const dir = String((await bench.json(0, 'run', spec, '--detach', ...runs)).dir);
    await poll('the gate', async () => ((await stepsSoFar(dir)) === 10 ? true : undefined));
    await bench.json(0, 'stop', 'latest', '--force', ...runs);
    await rename(work, moved);
    await writeFile(path.join(moved, 'gone'), '');
    const resumed = await bench.json(0, 'resume', 'latest', '--runs-dir', path.join(moved, 'runs'));
    assert.equal(resumed.state, 'done');
    assert.deepEqual(await outcome(String(resumed.dir)), whole);
    const again = await bench.json(0, 'rerun', 'latest', '--runs-dir', path.join(moved, 'runs'));
    assert.deepEqual(await outcome(String(again.dir)), whole);
  });

  it('and copied elsewhere goes on there', async () => {
    const dir = await bench.detach({ ...SETTINGS, gate: 'copy' });
    await poll('the gate', async () => ((await stepsSoFar(dir)) === 10 ? true : undefined));
    await bench.json(0, 'stop', 'latest', '--force');
    const copy = path.join(bench.folder, 'copies', path.basename(dir));
    await cp(dir, copy, { recursive: true });
    await bench.openGate('copy');
    assert.equal((await bench.json(0, 'resume', 'latest', '--runs-dir', path.dirname(copy))).state, 'done');
    assert.deepEqual(await outcome(copy), whole);
  });
});
