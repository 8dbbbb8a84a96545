import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { access, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readRun } from '../../../core/experiments/library/store';
import { createRegistry } from '../../../core/experiments/registry';
import { readEvents } from '../../../core/experiments/run/event-log';
import { runPaths, writeStatus } from '../../../core/experiments/run/directory';
import { createRun } from '../../../core/experiments/run/launch';
import { requestStop } from '../../../core/experiments/run/stop-request';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { isAlive } from '../../../core/workers/process';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { seenBy, standInForCuda } from '../../fixtures/cuda-stand-in';
import { workerOf } from '../../fixtures/experiments/records';
import { at, finished, outcome, poll, status, until, Workbench } from './workbench';

const LONG = { steps: 100_000, pause: 10 };

describe('the worker', () => {
  let bench: Workbench;
  const started: string[] = [];
  const detach = async (settings: object) => {
    const dir = await bench.detach(settings);
    started.push(dir);
    return dir;
  };
  const runWorker = (dir: string) =>
    finished(spawn(process.execPath, [path.join(bench.folder, 'worker.js'), dir], { cwd: bench.folder }));
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => {
    for (const dir of started) await bench.winnow('stop', path.basename(dir), '--force');
    await bench.close();
  });

  it('is alone: of two on one run exactly one works', async () => {
    const dir = await detach(LONG);
    const { worker } = await status(dir);
    const other = await runWorker(dir);
    assert.equal(other.code, 1);
    assert.match(other.stderr, new RegExp(`in use by process ${workerOf({ worker }).pid} `));
    const refused = await bench.json(1, 'resume', 'latest');
    assert.equal(at(refused, 'error', 'code'), 'run.busy');
    assert.deepEqual((await status(dir)).worker, worker);
    await bench.json(0, 'stop', 'latest', '--force');

    const short = await detach({ steps: 5 });
    await until(short, 'done');
    const both = await Promise.all([runWorker(short), runWorker(short)]);
    assert.deepEqual(
      both.map((result) => result.code).filter((code) => code !== 0 && code !== 1),
      [],
    );
    assert.ok(both.some((result) => result.code === 0));
  });

  it('sets TF32 before the libraries are loaded, records it, and resumes with the same', async () => {
    const seen = path.join(bench.folder, 'seen.txt');
    process.env.WINNOW_RUNTIME_CUDA = standInForCuda(path.join(bench.folder, 'cuda'), { seen });
    try {
      const cuda = { provider: 'cuda', threads: 1 };
      const spec = await bench.spec({ steps: 3, device: { ...cuda, tf32: false } });
      const dir = String((await bench.json(0, 'run', spec)).dir);
      assert.deepEqual((await status(dir)).device, { ...cuda, tf32: false });
      // The probes come first, in processes of their own.
      assert.equal(seenBy(seen).at(-1), '0');
      assert.match((await bench.winnow('show', 'latest')).stdout, /cuda, 1 thread, no TF32, seed/);

      // Not in the spec, but in the environment of the first attempt alone.
      process.env.NVIDIA_TF32_OVERRIDE = '0';
      const waiting = await detach({ device: cuda, gate: 'tf32', steps: 20 });
      await poll('it to wait', async () => (await readFile(runPaths(waiting).log, 'utf8')).includes('from step 0'));
      Reflect.deleteProperty(process.env, 'NVIDIA_TF32_OVERRIDE');
      await bench.json(0, 'stop', 'latest');
      await until(waiting, 'stopped');
      await bench.openGate('tf32');
      await bench.json(0, 'resume', 'latest');
      const { attempt, device } = await status(waiting);
      assert.deepEqual({ attempt, device }, { attempt: 2, device: { ...cuda, tf32: false } });
      assert.equal(seenBy(seen).at(-1), '0');
      assert.equal(seenBy(seen).at(-2), null);
    } finally {
      Reflect.deleteProperty(process.env, 'WINNOW_RUNTIME_CUDA');
      Reflect.deleteProperty(process.env, 'NVIDIA_TF32_OVERRIDE');
    }
  });

  it('outlives the process that started it, in a session of its own', async () => {
    const dir = await detach({ gate: 'outlive' });
    const worker = workerOf(await status(dir));
    assert.ok(isAlive(worker, 0));
    if (process.platform === 'linux') {
      const stat = await readFile(`/proc/${worker.pid}/stat`, 'utf8');
      const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      assert.equal(session, String(worker.pid));
    }
    await bench.openGate('outlive');
    assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
    assert.match(await readFile(runPaths(dir).log, 'utf8'), /from step 0/);
  });

  it('outlives a command line that is killed while it follows', async () => {
    const child = bench.spawn('run', await bench.spec({ gate: 'orphan', name: 'orphan' }));
    const dir = await poll('the run to start', async () => {
      for (const id of await readdir(bench.runs)) {
        const run = path.join(bench.runs, id);
        if (!id.startsWith('.') && (await readFile(runPaths(run).record, 'utf8')).includes('"orphan"'))
          if ((await status(run)).state === 'running') return run;
      }
      return undefined;
    });
    const dead = finished(child);
    child.kill('SIGKILL');
    await dead;
    await bench.openGate('orphan');
    assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
  });

  it('stops at once at the second signal', async () => {
    const dir = await detach({ ...LONG, pause: 3000 });
    const worker = workerOf(await status(dir));
    process.kill(worker.pid, 'SIGTERM');
    await until(dir, 'stopping');
    process.kill(worker.pid, 'SIGTERM');
    await until(dir, 'stopped');
    assert.match((await status(dir)).reason?.message ?? '', /Stopped at once/);
  });

  it('stops at a checkpoint on a request in its directory, without any signal', async () => {
    const dir = await detach({ ...LONG, pause: 5 });
    assert.equal(await requestStop(dir, await status(dir), { force: false }), true);
    assert.equal(await requestStop(dir, await status(dir), { force: false }), false, 'it was asked for already');
    await until(dir, 'stopped');
    assert.equal((await status(dir)).reason?.message, 'Stopped on request.');
    const { events } = await readEvents(runPaths(dir).events);
    const last = events.findLast((event) => event.type === 'metrics');
    assert.equal(events.findLast((event) => event.type === 'checkpoint')?.step, last?.step, 'the stop lost steps');
    // The request meant the first attempt, and not the one that somebody starts now.
    await bench.json(0, 'resume', path.basename(dir), '--detach');
    const before = (await readEvents(runPaths(dir).events)).events.length;
    await poll(
      'steps of the second attempt',
      async () => (await readEvents(runPaths(dir).events)).events.length > before,
    );
    assert.ok(!(await readdir(dir)).includes('stop.json'), 'an answered request is cleared away');
    assert.equal(await until(dir, 'running', 'stopping', 'stopped'), 'running');
  });

  it('stops at once on a request that says so', async () => {
    const dir = await detach({ ...LONG, pause: 3_600_000 });
    await requestStop(dir, await status(dir), { force: false });
    await until(dir, 'stopping');
    await requestStop(dir, await status(dir), { force: true });
    await until(dir, 'stopped');
    assert.match((await status(dir)).reason?.message ?? '', /Stopped at once/);
  });

  it('says itself where it runs and on what, and keeps its threads; what changes between attempts is noted', async () => {
    const file = await bench.spec({ steps: 5, device: {} }, 'anywhere');
    const dir = await createRun(await loadSpec(file, createRegistry([arithmetic])), bench.runs);
    const made = JSON.parse(await readFile(runPaths(dir).record, 'utf8')) as { spec: { device: object } };
    assert.deepEqual(made.spec.device, { provider: 'cpu', threads: availableParallelism(), auto: true });
    // As if it had been made on a machine with other processors.
    const elsewhere = { ...made, spec: { ...made.spec, device: { provider: 'cpu', threads: 99, auto: true } } };
    await writeFile(runPaths(dir).record, JSON.stringify(elsewhere));
    await writeStatus(dir, { ...(await status(dir)), device: { provider: 'cpu', threads: 99 } });
    assert.equal((await runWorker(dir)).code, 0);
    const { device, machine, ...rest } = await status(dir);
    assert.deepEqual(device, { provider: 'cpu', threads: availableParallelism() });
    assert.equal(machine?.node, process.versions.node);
    assert.equal(machine.host, hostname());

    const before = { ...machine, cpu: 'another processor' };
    await writeStatus(dir, { ...rest, device: { provider: 'cpu', threads: 3 }, machine: before });
    assert.equal((await runWorker(dir)).code, 0);
    assert.equal((await status(dir)).device.threads, 3, 'bits can depend on the number of threads');
    assert.equal((await status(dir)).machine?.cpu, machine.cpu);
    const { notes } = (await readRun(dir)).history;
    assert.equal(
      notes.at(-1)?.text,
      `Attempt 2 computes on another machine or with other versions than the one before it: cpu another processor → ${machine.cpu}.`,
    );
    assert.equal((await runWorker(dir)).code, 0);
    assert.equal((await readRun(dir)).history.notes.length, notes.length, 'nothing has changed');
    assert.deepEqual((await bench.json(0, 'rerun', path.basename(dir))).device, { provider: 'cpu', threads: 3 });
  });

  it('that was asked to stop while it waited for its turn stops before it begins', async () => {
    const dir = await detach({ steps: 5 });
    await until(dir, 'done');
    await writeStatus(dir, {
      ...(await status(dir)),
      state: 'pending',
      worker: { target: 'queue', handle: { job: 7 } },
    });
    assert.equal(await requestStop(dir, await status(dir), { force: false }), true);
    assert.equal((await runWorker(dir)).code, 0);
    assert.equal((await status(dir)).state, 'stopped');
    assert.equal((await status(dir)).attempt, 2);
    assert.doesNotMatch(await readFile(runPaths(dir).log, 'utf8'), /from step 5/);
    assert.equal((await runWorker(dir)).code, 0);
    assert.equal((await status(dir)).state, 'done');
  });

  it('writes down why it failed, and keeps the stack of a defect in the log', async () => {
    const user = await bench.json(1, 'run', await bench.spec({ fault: 'user' }));
    assert.deepEqual(user.error, {
      code: 'arithmetic.fault',
      message: 'The arithmetic went wrong.',
      hint: 'Try another fault.',
    });
    assert.equal(user.state, 'failed');
    for (const [fault, text] of [
      ['internal', 'a defect'],
      ['rejection', 'nobody caught this'],
    ] as const) {
      const failed = await bench.json(1, 'run', await bench.spec({ fault }));
      assert.equal(at(failed, 'error', 'code'), 'internal');
      const log = await readFile(runPaths(String(failed.dir)).log, 'utf8');
      assert.match(log, new RegExp(text));
      assert.match(log, /arithmetic\.ts:\d+/, 'the stack does not name the TypeScript');
    }
  });

  it('ends with one sentence when its directory is deleted or moved away', async () => {
    for (const remove of [
      (dir: string) => rm(dir, { recursive: true, maxRetries: 20 }),
      (dir: string) => rename(dir, path.join(bench.folder, 'moved')),
    ]) {
      const child = bench.spawn('run', await bench.spec(LONG, 'vanishing'));
      const ended = finished(child);
      const dir = await poll('the run to start', async () => {
        const runs = await bench.json(0, 'list');
        assert.ok(Array.isArray(runs.runs));
        const run: unknown = runs.runs.find((one: unknown) => at(one, 'name') === 'vanishing');
        return at(run, 'state') === 'running' ? String(at(run, 'dir')) : undefined;
      });
      const worker = workerOf(await status(dir));
      await remove(dir);
      const result = await ended;
      assert.equal(result.code, 1);
      assert.match(result.stderr, /The run directory is gone/);
      await poll('the worker to end', () => Promise.resolve(isAlive(worker, 0) ? undefined : true));
      await assert.rejects(access(dir));
    }
  });

  it('copies what it prints to the log when it runs on a terminal', async () => {
    const dir = await detach({ steps: 5 });
    await until(dir, 'done');
    const result = await runWorker(dir);
    assert.equal(result.code, 0);
    assert.match(result.stdout, /from step 5/);
    assert.match(await readFile(runPaths(dir).log, 'utf8'), /from step 0\n(.*\n)*from step 5/);
  });

  it('says that the disk is full, ends as failed, and resumes when there is room', async (t) => {
    const mount = path.join(bench.folder, 'small');
    await mkdir(mount);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount]);
    if (mounted.status !== 0) {
      t.skip('needs the right to mount a small file system');
      return;
    }
    try {
      const failed = await bench.json(1, 'run', await bench.spec({ fault: 'fill' }), '--runs-dir', mount);
      assert.equal(at(failed, 'error', 'code'), 'disk.full');
      assert.equal(failed.state, 'failed');
      const dir = String(failed.dir);
      assert.deepEqual(
        (await readdir(dir, { recursive: true })).filter((name) => name.includes('.partial-')),
        [],
      );
      const refused = await bench.json(1, 'run', await bench.spec({}), '--runs-dir', mount);
      assert.equal(at(refused, 'error', 'code'), 'disk.full');
      assert.deepEqual(
        (await readdir(mount)).filter((name) => !name.startsWith('.cache')),
        [path.basename(dir)],
      );
      await truncate(path.join(runPaths(dir).artifacts, 'big'));
      const again = await bench.json(0, 'resume', path.basename(dir), '--runs-dir', mount);
      assert.equal(again.state, 'done');
      assert.equal(again.attempt, 2);
    } finally {
      spawnSync('umount', ['-l', mount]);
    }
  });

  it('refuses a folder that it may not write to', async (t) => {
    const closed = path.join(bench.folder, 'closed');
    await mkdir(closed, { mode: 0o555 });
    // Permissions do not bind root, a read-only file system does.
    const isRoot = process.getuid?.() === 0;
    const mounted = isRoot && spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', closed]).status === 0;
    if (process.platform === 'win32' || (isRoot && !mounted)) {
      t.skip('needs a folder that this user may not write to');
      return;
    }
    try {
      const refused = await bench.json(1, 'run', await bench.spec({}), '--runs-dir', closed);
      assert.equal(at(refused, 'error', 'code'), 'disk.denied');
      assert.deepEqual(await readdir(closed), []);
    } finally {
      if (mounted) spawnSync('umount', ['-l', closed]);
    }
  });

  it('repeats a run to the same bits', async () => {
    const first = await bench.json(0, 'run', await bench.spec({ seed: 5, steps: 20 }));
    const second = await bench.json(0, 'rerun', String(first.id));
    assert.notEqual(second.id, first.id);
    assert.deepEqual(await outcome(String(second.dir)), await outcome(String(first.dir)));
    assert.equal(at(await bench.json(0, 'show', String(second.id)), 'record', 'rerunOf'), first.id);
  });
});
