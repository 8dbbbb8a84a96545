import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { access, mkdir, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runPaths } from '../../../core/experiments/run/directory';
import { isAlive } from '../../../core/experiments/run/process';
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
    assert.match(other.stderr, new RegExp(`in use by process ${worker?.pid ?? 0} `));
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

  it('outlives the process that started it, in a session of its own', async () => {
    const dir = await detach({ gate: 'outlive' });
    const { worker } = await status(dir);
    assert.ok(worker && isAlive(worker, 0));
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
    const { worker } = await status(dir);
    assert.ok(worker);
    process.kill(worker.pid, 'SIGTERM');
    await until(dir, 'stopping');
    process.kill(worker.pid, 'SIGTERM');
    await until(dir, 'stopped');
    assert.match((await status(dir)).reason?.message ?? '', /Stopped at once/);
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
      const { worker } = await status(dir);
      assert.ok(worker);
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
