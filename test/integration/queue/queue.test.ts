import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { runPaths } from '../../../core/experiments/run/directory';
import { readState } from '../../../core/experiments/run/state';
import { readStatus } from '../../../core/experiments/run/status';
import { processIdentity } from '../../../core/workers/process';
import { changeQueue, readQueue } from '../../../core/workers/queue/store';
import { eventually } from '../../patience';
import { at, finished } from '../experiments/workbench';
import { QueueBed } from './queue-bed';

describe('the queue of this machine', { concurrency: false }, () => {
  let bed: QueueBed;
  const dirs: string[] = [];
  before(async () => {
    bed = await QueueBed.open();
  });
  afterEach(async () => {
    await bed.tidy(dirs.splice(0));
    await bed.json(0, 'queue', 'limit', 'cpu', '1');
  });
  after(() => bed.close());

  const submit = async (name: string) => {
    const dir = await bed.submit(name);
    dirs.push(dir);
    return dir;
  };
  const workerOf = async (dir: string) =>
    processIdentity.parse((await readStatus(runPaths(dir).status)).worker?.handle).pid;

  it('has no limit on the CPU unless there is a setting, and shows what runs', async () => {
    const [a, b] = [await submit('a'), await submit('b')];
    for (const dir of [a, b]) assert.equal(await bed.until(dir, 'running', 'pending'), 'running');
    const view = await bed.json(0, 'queue');
    assert.deepEqual(at(view, 'limits'), { cpu: null, gpu: 1 });
    assert.deepEqual((at(view, 'places', '0', 'runs') as { name: string }[]).map(({ name }) => name).sort(), [
      'a',
      'b',
    ]);
    assert.deepEqual(at(view, 'waiting'), []);
    assert.equal(bed.dispatcher(), undefined, 'nothing waits');
  });

  it('starts the next run when one ends, however it ends, and then nothing is left behind', async () => {
    const names = ['first', 'second', 'third', 'fourth'];
    const all: string[] = [];
    for (const name of names) all.push(await submit(name));
    const [first, second, third, fourth] = all as [string, string, string, string];
    assert.equal(await bed.until(first, 'running'), 'running');
    for (const dir of [second, third, fourth]) assert.equal((await readState(dir)).state, 'pending');
    assert.deepEqual(bed.line(), { running: ['first'], waiting: ['second', 'third', 'fourth'] });
    assert.equal(
      (await readState(fourth)).status.reason?.message,
      '2 runs ahead in line for the CPU (limit: 1)',
      'the reason is that of now',
    );
    const listed = await bed.winnow('list');
    assert.match(listed.stdout, /pending[^]*2 runs ahead in line/);
    // Killed.
    process.kill(await workerOf(first), 'SIGKILL');
    assert.equal(await bed.until(second, 'running', 'failed'), 'running');
    assert.equal((await readState(first)).state, 'lost');
    assert.deepEqual(bed.line(), { running: ['second'], waiting: ['third', 'fourth'] });
    assert.match((await readState(third)).status.reason?.message ?? '', /^next in line/);
    // Done.
    await bed.open('second');
    assert.equal(await bed.until(second, 'done', 'failed'), 'done');
    assert.equal(await bed.until(third, 'running', 'failed'), 'running');
    // Stopped.
    assert.equal(at(await bed.json(0, 'stop', third), 'state'), 'stopped');
    await bed.open('fourth');
    assert.equal(await bed.until(fourth, 'done', 'failed'), 'done');
    await eventually('the dispatcher to end', () => bed.dispatcher() === undefined);
    assert.deepEqual(await readdir(path.join(bed.folder, 'environments')), []);
  });

  it('is moved, and a run that waits can be stopped, deleted and resumed', async () => {
    const a = await submit('a1');
    await bed.until(a, 'running');
    const [b, c, d] = [await submit('b1'), await submit('c1'), await submit('d1')];
    assert.deepEqual(await bed.waiting(), ['b1', 'c1', 'd1']);
    await bed.json(0, 'queue', 'move', path.basename(d), 'first');
    assert.deepEqual(await bed.waiting(), ['d1', 'b1', 'c1']);
    await bed.json(0, 'queue', 'move', 'd1', 'down');
    await bed.json(0, 'queue', 'move', 'c1', 'up');
    assert.deepEqual(await bed.waiting(), ['b1', 'c1', 'd1']);
    await bed.json(0, 'queue', 'move', 'b1', 'last');
    assert.deepEqual(await bed.waiting(), ['c1', 'd1', 'b1']);
    assert.equal(at(await bed.json(1, 'queue', 'move', 'a1', 'first'), 'error', 'code'), 'queue.not-waiting');
    assert.equal(at(await bed.json(1, 'queue', 'move', 'zz', 'first'), 'error', 'code'), 'queue.no-run');
    assert.match((await bed.winnow('queue')).stdout, /1\. \S+ {2}c1[^]*2\. \S+ {2}d1[^]*3\. \S+ {2}b1/);

    assert.equal(at(await bed.json(0, 'stop', c), 'state'), 'stopped');
    assert.equal((await readStatus(runPaths(c).status)).reason?.code, 'run.stopped');
    await bed.json(0, 'delete', d);
    assert.deepEqual(await bed.waiting(), ['b1']);
    await bed.json(0, 'resume', c, '--detach');
    assert.deepEqual(await bed.waiting(), ['b1', 'c1']);
    await bed.json(0, 'restore', path.basename(d));
    assert.equal((await readState(d)).state, 'lost');
    assert.match((await readState(d)).status.reason?.message ?? '', /not in the queue any more/);

    // Resuming goes through the queue, too, and the run goes on where it was.
    await bed.json(0, 'stop', a);
    assert.equal(await bed.until(b, 'running'), 'running');
    await bed.json(0, 'resume', a, '--detach');
    assert.deepEqual(await bed.waiting(), ['c1', 'a1']);
    for (const gate of ['a1', 'b1', 'c1']) await bed.open(gate);
    assert.equal(await bed.until(a, 'done', 'failed'), 'done');
    assert.match(await readFile(runPaths(a).log, 'utf8'), /from step 10/);
    const { worked, started, ended } = await readStatus(runPaths(a).status);
    assert.ok(worked < ended! - started! + 60_000 && worked > 0);
  });

  it('gives one place to one run, whoever submits at the same time', async () => {
    await bed.json(0, 'queue', 'limit', 'cpu', '2');
    const all = await Promise.all(['p', 'q', 'r', 's', 't', 'u'].map((name) => submit(name)));
    await eventually('two to run', async () => {
      const states = await Promise.all(all.map(async (dir) => (await readState(dir)).state));
      assert.ok(states.filter((state) => state === 'running').length <= 2, states.join());
      return states.filter((state) => state === 'running').length === 2 && !states.includes('queued');
    });
    assert.equal(bed.line().running.length, 2);
    for (const gate of ['p', 'q', 'r', 's', 't', 'u']) await bed.open(gate);
    let most = 0;
    await eventually('all to be done', async () => {
      const states = await Promise.all(all.map(async (dir) => (await readState(dir)).state));
      most = Math.max(most, states.filter((state) => state === 'running' || state === 'stopping').length);
      return states.every((state) => state === 'done');
    });
    assert.ok(most <= 2, `${most} ran at once`);
  });

  it('goes on after the dispatcher was killed, with whatever command comes next', async () => {
    const a = await submit('a2');
    await bed.until(a, 'running');
    const b = await submit('b2');
    const killed = await eventually('a dispatcher', () => bed.dispatcher());
    process.kill(killed.pid, 'SIGKILL');
    await eventually('its end', () => bed.dispatcher() === undefined);
    await bed.open('a2');
    await bed.until(a, 'done');
    assert.equal((await readState(b)).state, 'pending');
    assert.equal((await bed.winnow('list')).code, 0);
    await bed.open('b2');
    assert.equal(await bed.until(b, 'done', 'failed'), 'done');
  });

  it('goes on after the machine was started again: identities of another boot hold nothing', async () => {
    const a = await submit('a3');
    await bed.until(a, 'running');
    const b = await submit('b3');
    const c = await submit('c3');
    // As a reboot leaves it: processes with these ids exist, but they are others.
    const killed = await eventually('a dispatcher', () => bed.dispatcher());
    process.kill(killed.pid, 'SIGKILL');
    process.kill(await workerOf(a), 'SIGKILL');
    await changeQueue(bed.folder, (state) => [
      {
        ...state,
        dispatcher: { ...state.dispatcher!, pid: process.pid, start: 'another-boot:1' },
        entries: state.entries.map((one) =>
          one.holder ? { ...one, holder: { ...one.holder, pid: process.pid, start: 'another-boot:2' } } : one,
        ),
      },
      undefined,
    ]);
    await bed.winnow('queue');
    assert.equal(await bed.until(b, 'running', 'failed'), 'running');
    assert.equal((await readState(a)).state, 'lost');
    assert.equal((await readState(c)).state, 'pending');
  });

  it('says of a run that it is not in the queue any more, if the queue was deleted or the run copied', async () => {
    const a = await submit('a4');
    await bed.until(a, 'running');
    const b = await submit('b4');
    const copy = path.join(bed.bench.runs, 'copied');
    await cp(b, copy, { recursive: true });
    assert.equal((await readState(copy)).state, 'lost');
    assert.equal((await readState(b)).state, 'pending');
    const killed = await eventually('a dispatcher', () => bed.dispatcher());
    process.kill(killed.pid, 'SIGKILL');
    await eventually('its end', () => bed.dispatcher() === undefined);
    await rm(bed.folder, { recursive: true });
    assert.equal((await readState(b)).state, 'lost');
    const shown = await bed.json(0, 'show', b);
    assert.equal(at(shown, 'reason', 'code'), 'queue.left');
    assert.match(String(at(shown, 'reason', 'hint')), /winnow resume/);
    await bed.open('b4');
    await bed.json(0, 'resume', b, '--detach');
    assert.equal(await bed.until(b, 'done', 'failed'), 'done');
  });

  it('starts a run with the variables and in the folder of the command that has submitted it', async () => {
    const a = await submit('a5');
    await bed.until(a, 'running');
    const file = await bed.bench.spec({ seed: 5, steps: 20, gate: 'b5', name: 'b5' }, 'b5');
    const program = path.join(bed.bench.folder, 'cli.js');
    const cwd = await mkdtemp(path.join(tmpdir(), 'winnow-cwd-'));
    const args = ['run', file, '--detach', '--json', '--runs-dir', bed.bench.runs];
    const env = { ...bed.env, WINNOW_TEST_MARK: 'of the second' };
    const { stdout } = await finished(spawn(process.execPath, [program, ...args], { cwd, env }));
    const b = (JSON.parse(stdout) as { dir: string }).dir;
    dirs.push(b);
    const [kept] = await readdir(path.join(bed.folder, 'environments'));
    const mode = (await stat(path.join(bed.folder, 'environments', kept!))).mode & 0o777;
    assert.equal(mode, 0o600, 'only the user can read it');
    await bed.open('a5');
    assert.equal(await bed.until(b, 'running', 'failed'), 'running');
    if (process.platform === 'linux') {
      const pid = await workerOf(b);
      assert.match(await readFile(`/proc/${pid}/environ`, 'utf8'), /WINNOW_TEST_MARK=of the second/);
    }
    await rm(cwd, { recursive: true });
  });

  it('shows in the terminal that a run waits, and Ctrl-C takes it out of the queue', async () => {
    const a = await submit('a6');
    await bed.until(a, 'running');
    const file = await bed.bench.spec({ seed: 5, steps: 20, gate: 'b6', name: 'b6' }, 'b6');
    const child = bed.spawn('run', file);
    let said = '';
    child.stdout?.on('data', (text: Buffer) => (said += text.toString()));
    const end = finished(child);
    await eventually('what it waits for', () => said.includes('Waiting: next in line for the CPU (limit: 1)'));
    child.kill('SIGINT');
    assert.equal((await end).code, 130);
    assert.deepEqual(bed.line().waiting, []);
  });

  it('lets no worker touch a run whose place was given away', async () => {
    const a = await submit('a8');
    await bed.until(a, 'running');
    const b = await submit('b8');
    const [, waits] = bed.entries();
    const place = JSON.stringify({ folder: bed.folder, entry: waits!.id, claim: 1 });
    const worker = spawn(process.execPath, [path.join(bed.bench.folder, 'worker.js'), b], {
      env: { ...bed.env, WINNOW_PLACE: place },
    });
    const { code, stderr } = await finished(worker);
    assert.equal(code, 1);
    assert.match(stderr, /given to another process/);
    assert.equal((await readState(b)).state, 'pending');
  });

  it('keeps what waits while the limit is 0, and starts it when there is none', async () => {
    await bed.json(0, 'queue', 'limit', 'cpu', '0');
    const a = await submit('a7');
    assert.equal((await readState(a)).status.reason?.message, 'the queue for the CPU is paused (limit: 0)');
    await bed.json(0, 'queue', 'limit', 'cpu', 'none');
    assert.equal(await bed.until(a, 'running', 'failed'), 'running');
    assert.deepEqual(readQueue(bed.folder).state.limits, {});
    assert.equal((await bed.winnow('queue', 'limit', 'cpu', 'many')).code, 2);
  });
});
