import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readEvents } from '../../../core/experiments/run/event-log';
import { runPaths } from '../../../core/experiments/run/directory';
import { workerOf } from '../../fixtures/experiments/records';
import { at, outcome, poll, status, until, Workbench } from './workbench';

const SETTINGS = { seed: 4, steps: 30, checkpointEvery: 4 };

const pipe = async (file: string) => {
  await rm(file, { recursive: true, force: true });
  assert.equal(spawnSync('mkfifo', [file]).status, 0);
};

/** What can happen to a file: its name, and what does it. */
const DAMAGES: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  'is empty': (file) => writeFile(file, ''),
  'is full of NULs': async (file) => writeFile(file, Buffer.alloc((await readFile(file)).length)),
  'is torn': (file) => truncate(file, 40),
  'is missing': (file) => rm(file),
  'is something else': (file) => writeFile(file, '{"v": 1, "state": "asleep"}'),
  ...(process.platform === 'win32' ? {} : { 'is a named pipe': pipe }),
};

describe('a run whose files are damaged', () => {
  let bench: Workbench;
  let whole: unknown;
  before(async () => {
    bench = await Workbench.open();
    const dir = await bench.detach(SETTINGS);
    assert.equal(await until(dir, 'done', 'failed'), 'done');
    whole = await outcome(dir);
  });
  after(() => bench.close());

  /** A run that was killed after its first checkpoints. */
  const cut = async (): Promise<string> => {
    const dir = await bench.detach({ ...SETTINGS, gate: 'cut', gateAt: 14 });
    await poll('the gate', async () => {
      const { events } = await readEvents(runPaths(dir).events);
      return events.some((event) => event.type === 'metrics' && event.step === 14) ? true : undefined;
    });
    process.kill(workerOf(await status(dir)).pid, 'SIGKILL');
    await until(dir, 'lost');
    return dir;
  };
  const openGate = () => bench.openGate('cut');
  const closeGate = () => rm(path.join(bench.folder, 'cut'), { force: true });
  const listed = async (dir: string) => {
    const { runs } = await bench.json(0, 'list');
    assert.ok(Array.isArray(runs));
    return runs.find((run: unknown) => at(run, 'dir') === dir) as unknown;
  };

  for (const [damage, inflict] of Object.entries(DAMAGES))
    it(`status.json ${damage}: is listed as damaged, resumed to the same bits, and deleted`, async () => {
      await closeGate();
      const dir = await cut();
      const id = path.basename(dir);
      await inflict(runPaths(dir).status);

      const run = await listed(dir);
      assert.equal(at(run, 'state'), 'damaged');
      assert.equal(at(run, 'attempt'), 1);
      assert.match(String(at(run, 'reason', 'message')), /status\.json/);
      assert.match(String(at(run, 'reason', 'hint')), /"winnow resume .*" .*continues from the last checkpoint/);
      assert.match((await bench.winnow('list')).stdout, new RegExp(`${id} +damaged .*\\n +.*status\\.json.*resume`));
      const shown = await bench.json(0, 'show', id);
      assert.equal(shown.state, 'damaged');
      assert.ok(Array.isArray(shown.checkpoints) && shown.checkpoints.length > 0);
      assert.equal(at(await bench.json(1, 'stop', id), 'error', 'code'), 'run.not-running');

      await openGate();
      const resumed = await bench.json(0, 'resume', id);
      assert.deepEqual([resumed.state, resumed.attempt], ['done', 2]);
      assert.deepEqual(await outcome(dir), whole);
      await inflict(runPaths(dir).status);
      assert.match(String(at(await listed(dir), 'reason', 'hint')), /The run was done/);
      assert.deepEqual((await bench.json(0, 'delete', id)).deleted, [id]);
      assert.equal(await listed(dir), undefined);
    });

  it('a status that is damaged while a worker is alive: the run is running, and the worker mends it', async () => {
    await closeGate();
    const dir = await bench.detach({ ...SETTINGS, gate: 'cut' });
    await writeFile(runPaths(dir).status, '');
    assert.equal(at(await listed(dir), 'state'), 'running');
    assert.equal(at(await bench.json(1, 'delete', path.basename(dir)), 'error', 'code'), 'run.busy');
    assert.equal(at(await bench.json(1, 'resume', path.basename(dir)), 'error', 'code'), 'run.busy');
    await openGate();
    assert.equal(await until(dir, 'done', 'failed', 'lost', 'damaged'), 'done');
    assert.equal((await status(dir)).state, 'done');
  });

  it('lock files that are torn or missing, and a torn event log: counts on, and ends with the same bits', async () => {
    await closeGate();
    const dir = await cut();
    await writeFile(path.join(dir, 'worker-1.lock'), '{"hol');
    await appendFile(runPaths(dir).events, '{"v":1,"time":1,"attempt":1,"type":"metr');
    await bench.json(0, 'resume', path.basename(dir), '--detach');
    process.kill(workerOf(await status(dir)).pid, 'SIGKILL');
    await until(dir, 'lost');
    await rm(path.join(dir, 'worker-2.lock'));
    await rm(runPaths(dir).status);
    await openGate();
    const resumed = await bench.json(0, 'resume', path.basename(dir));
    assert.deepEqual([resumed.state, resumed.attempt], ['done', 3]);
    assert.deepEqual(await outcome(dir), whole);
  });

  for (const [damage, inflict] of Object.entries(DAMAGES))
    it(`run.json ${damage}: is listed as unreadable with what to do, shown and deleted`, async () => {
      const dir = await bench.detach(SETTINGS);
      const id = path.basename(dir);
      assert.equal(await until(dir, 'done', 'failed'), 'done');
      await inflict(runPaths(dir).record);
      const run = await listed(dir);
      assert.equal(at(run, 'state'), 'unreadable');
      assert.match(String(at(run, 'reason', 'message')), /run\.json/);
      assert.match(
        (await bench.winnow('list')).stdout,
        new RegExp(`${id} +unreadable\\n +.*run\\.json.*winnow delete`),
      );
      const shown = await bench.json(0, 'show', id);
      assert.equal(shown.state, 'unreadable');
      assert.ok(Array.isArray(shown.checkpoints) && shown.checkpoints.length > 0);
      assert.match((await bench.winnow('show', id)).stdout, /unreadable: .*run\.json(.|\n)*step-000004/);
      // The answer is the same one for all damages.
      for (const command of damage === 'is torn' ? ['resume', 'rerun', 'annotate --star', 'compare'] : ['resume']) {
        const [name = '', ...options] = command.split(' ');
        const refused = await bench.json(1, name, id, ...options);
        assert.match(String(at(refused, 'error', 'message')), /run\.json/, command);
        assert.notEqual(at(refused, 'error', 'code'), 'internal');
      }
      const compared = await bench.winnow('compare');
      assert.match(compared.stderr, /Skipped: .*run\.json/);
      assert.equal(compared.code, 0);
      assert.deepEqual((await bench.json(0, 'delete', id)).deleted, [id]);
      assert.equal((await bench.json(0, 'restore', id)).id, id);
      await bench.json(0, 'delete', id, '--force-permanent');
      assert.equal(await listed(dir), undefined);
    });

  it('a newer version of run.json or status.json: says so, and touches nothing', async () => {
    for (const file of ['record', 'status'] as const) {
      const dir = await bench.detach(SETTINGS);
      assert.equal(await until(dir, 'done', 'failed'), 'done');
      const newer = '{"v": 3, "what": "nobody knows yet"}';
      await writeFile(runPaths(dir)[file], newer);
      assert.equal(at(await listed(dir), 'state'), 'unreadable');
      const refused = await bench.json(1, 'resume', path.basename(dir));
      assert.equal(at(refused, 'error', 'code'), 'run.newer');
      assert.match(String(at(refused, 'error', 'hint')), /Update Winnow/);
      assert.equal(await readFile(runPaths(dir)[file], 'utf8'), newer);
      await bench.json(0, 'delete', path.basename(dir));
    }
  });

  it('links that lead nowhere are shown, files and folders of others are not', async () => {
    const names = ['20260101-000000-arithmetic-gone', 'round-1', 'round-2', 'to-a-file', 'notes', 'README.md'];
    const [gone = '', one = '', two = '', toFile = '', notes = '', readme = ''] = names.map((name) =>
      path.join(bench.runs, name),
    );
    await symlink('/nowhere/at/all', gone);
    await symlink('round-2', one);
    await symlink('round-1', two);
    await writeFile(readme, 'about these runs');
    await symlink(readme, toFile);
    await mkdir(notes);
    const { runs } = await bench.json(0, 'list');
    assert.ok(Array.isArray(runs));
    const unreadable = runs.filter((run: unknown) => at(run, 'state') === 'unreadable') as unknown[];
    assert.deepEqual(unreadable.map((run) => at(run, 'id')).sort(), [path.basename(gone), 'round-1', 'round-2']);
    const link = await listed(gone);
    assert.equal(at(link, 'created'), '2026-01-01T00:00:00.000Z');
    assert.match(String(at(link, 'reason', 'message')), /is a link to \/nowhere\/at\/all, which cannot be reached/);
    await bench.json(0, 'delete', path.basename(gone), '--force-permanent');
    for (const name of names.slice(1)) await rm(path.join(bench.runs, name), { recursive: true });
    assert.ok(!(await readdir(bench.runs)).includes(path.basename(gone)));
  });

  it('a folder of checkpoints or artifacts that is missing: is made anew, and what was lost is said', async () => {
    await closeGate();
    const dir = await cut();
    await rm(runPaths(dir).checkpoints, { recursive: true });
    await rm(runPaths(dir).artifacts, { recursive: true });
    await openGate();
    const resumed = await bench.json(0, 'resume', path.basename(dir));
    assert.equal(resumed.state, 'done');
    assert.equal(at(await outcome(dir), 'result'), at(whole, 'result'));
    const said = /checkpoints\/ was missing and was created again\. It held step-000004, step-000008, step-000012/;
    assert.match(await readFile(runPaths(dir).log, 'utf8'), said);
    assert.match((await bench.winnow('show', path.basename(dir))).stdout, said);
  });

  it(
    'something else in the place of a file: an answer, and no wait',
    { skip: process.platform === 'win32' },
    async () => {
      await closeGate();
      const dir = await cut();
      const id = path.basename(dir);
      const paths = runPaths(dir);
      await openGate();
      for (const file of [paths.events, paths.log, path.join(paths.artifacts, 'table.json')]) {
        const before = await readFile(file).catch(() => undefined);
        await pipe(file);
        assert.equal((await bench.json(0, 'show', id)).id, id);
        const refused = await bench.json(1, 'resume', id);
        const message = String(at(refused, 'error', 'message'));
        assert.match(message, new RegExp(`${path.basename(file)} is (not a file|a named pipe)`));
        await rm(file);
        if (before) await writeFile(file, before);
      }
      await rm(paths.artifacts, { recursive: true });
      await writeFile(paths.artifacts, 'not a folder');
      assert.match(
        String(at(await bench.json(1, 'resume', id), 'error', 'message')),
        /artifacts is a file, not a folder/,
      );
      await rm(paths.artifacts);
      for (const file of ['annotations.json', 'worker-9.lock']) await pipe(path.join(dir, file));
      assert.equal(at(await listed(dir), 'id'), id);
      assert.equal((await bench.json(0, 'resume', id)).state, 'done');
    },
  );
});
