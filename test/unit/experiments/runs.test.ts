import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { EventWriter } from '../../../core/experiments/run/event-log';
import { Lease } from '../../../core/experiments/run/lease';
import { isAlive, ownIdentity } from '../../../core/workers/process';
import { localWorker } from '../../../core/workers/worker';
import {
  createRunDirectory,
  newRunId,
  readRecord,
  runPaths,
  writeStatus,
} from '../../../core/experiments/run/directory';
import { encodeRecord } from '../../../core/experiments/run/record';
import { readStatus, stateOf, workedOn, type RunStatus } from '../../../core/experiments/run/status';
import { isReadable, readRun, readSummary, RunStore } from '../../../core/experiments/library/store';
import { attempt, recordOf } from '../../fixtures/experiments/records';

const hasCode = (code: string) => (error: unknown) => error instanceof UserError && error.code === code;

/** What a status says before the first start. */
const NOBODY = { heartbeat: 0, attempt: 0, worker: null };

/** A process number that was in use a moment ago and is not now. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('runs on disk', () => {
  let folder = '';
  const newFolder = () => mkdtemp(path.join(folder, 'runs-'));
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-runs-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  it('names runs so that they sort by time and can be read', () => {
    const id = newRunId('PLRD', Date.UTC(2026, 10, 23, 14, 30, 1));
    assert.match(id, /^20261123-143001-plrd-[2-9b-z]{4}$/);
    assert.ok(newRunId('zzz', 1e12) < newRunId('aaa', 1e12 + 1000));
  });

  it('makes a run directory with everything in it', async () => {
    const runs = path.join(await newFolder(), 'deeper', 'runs');
    const record = recordOf(Date.now());
    const dir = await createRunDirectory(runs, record);
    assert.deepEqual(await readRecord(dir), record);
    assert.deepEqual((await readdir(dir)).sort(), [
      'artifacts',
      'checkpoints',
      'events.jsonl',
      'log.txt',
      'run.json',
      'status.json',
    ]);
    assert.deepEqual(await readdir(runs), [record.id]);
    assert.equal(stateOf(await readStatus(runPaths(dir).status)), 'queued');
    await assert.rejects(createRunDirectory(runs, record), hasCode('run.exists'));
    await assert.rejects(createRunDirectory(runPaths(dir).log, recordOf(1)), hasCode('disk.not-a-folder'));
  });

  it('finds the spec and the checkpoints of a workspace that was moved, and of a run that was copied alone', async () => {
    const root = await newFolder();
    const work = path.join(root, 'work');
    const outside = path.join(root, 'models', 'base');
    const inside = path.join(work, 'runs', 'earlier', 'checkpoints', 'final');
    for (const made of [outside, inside]) await mkdir(made, { recursive: true });
    await writeFile(path.join(work, 'a.winnow.json'), '{}');
    const record = recordOf(1, {
      ...{ specFile: path.join(work, 'a.winnow.json'), baseDir: work },
      parents: [{ path: inside, run: 'earlier', checkpoint: 'final' }, { path: outside }],
    });
    const dir = await createRunDirectory(path.join(work, 'runs'), record);
    assert.deepEqual(await readRecord(dir), record);
    const copy = path.join(root, 'archive', 'deep', 'down', record.id);
    await cp(dir, copy, { recursive: true });
    assert.deepEqual(await readRecord(copy), record, 'a copy of the run alone finds what is where it was');

    const moved = path.join(root, 'moved');
    await rename(work, moved);
    const there = path.join(moved, 'runs', record.id);
    assert.deepEqual(await readRecord(there), {
      ...record,
      ...{ specFile: path.join(moved, 'a.winnow.json'), baseDir: moved },
      parents: [{ ...record.parents[0], path: path.join(moved, path.relative(work, inside)) }, { path: outside }],
    });
    // A copy of the whole workspace is one of its own, and reads its own files.
    await cp(moved, work, { recursive: true });
    assert.equal((await readRecord(path.join(work, 'runs', record.id))).baseDir, work);
    assert.equal((await readRecord(there)).baseDir, moved);
    // The spec was deleted: the folder is still the one.
    await rm(path.join(moved, 'a.winnow.json'));
    await rm(work, { recursive: true });
    assert.equal((await readRecord(there)).baseDir, moved);
  });

  it('reads a run.json of before, with absolute paths and the machine that it was made on', async () => {
    const dir = path.join(await newFolder(), 'old');
    await mkdir(dir);
    const { target, ...rest } = recordOf(1);
    const machine = { node: '20', onnxruntime: null, platform: 'linux', cpu: 'a processor', cores: 4 };
    await writeFile(runPaths(dir).record, JSON.stringify({ ...rest, v: 1, ...machine }));
    assert.deepEqual(await readRecord(dir), { ...rest, target, machine: { winnow: rest.winnow, ...machine } });
    await writeFile(runPaths(dir).record, JSON.stringify({ ...rest, v: 1, ...machine, cores: 'four' }));
    await assert.rejects(readRecord(dir), /run\.json: cores: /);
  });

  it('knows a dead process from a living one, and from another with its number', async () => {
    const own = ownIdentity();
    const status = async (change: Partial<RunStatus>): Promise<RunStatus> => {
      const dir = await createRunDirectory(await newFolder(), recordOf(1));
      await writeStatus(dir, {
        ...(await readStatus(runPaths(dir).status)),
        state: 'running',
        worker: localWorker(own),
        ...change,
      });
      return readStatus(runPaths(dir).status);
    };
    assert.equal(stateOf(await status({})), 'running');
    assert.equal(stateOf(await status({ worker: localWorker({ ...own, pid: deadPid() }) })), 'lost');
    if (own.start !== null)
      assert.equal(stateOf(await status({ worker: localWorker({ ...own, start: 'then' }) })), 'lost');
    assert.equal(stateOf(await status({ worker: localWorker({ ...own, start: null }) })), 'running');
    assert.equal(stateOf(await status({ worker: null })), 'lost');
    assert.equal(stateOf(await status({ worker: localWorker({ ...own, pid: deadPid() }), state: 'done' })), 'done');
    const elsewhere = localWorker({ ...own, host: `not-${own.host}` });
    assert.equal(stateOf(await status({ worker: elsewhere, heartbeat: Date.now() })), 'running');
    assert.equal(stateOf(await status({ worker: elsewhere, heartbeat: Date.now() - 3_600_000 })), 'lost');
    assert.equal(isAlive(own, 0), true);
    // Of a target that this version does not know, only the heartbeat tells; a run that waits has none.
    const unknown = { target: 'moon', handle: { crater: 7 } };
    assert.equal(stateOf(await status({ worker: unknown, heartbeat: Date.now() })), 'running');
    assert.equal(stateOf(await status({ worker: unknown, heartbeat: Date.now() - 3_600_000 })), 'lost');
    assert.equal(stateOf(await status({ worker: unknown, heartbeat: 0, state: 'pending' })), 'pending');
  });

  it('reads a status of before there were compute targets', async () => {
    const file = path.join(await newFolder(), 'status.json');
    const { host, pid, start } = ownIdentity();
    const before = {
      ...{ v: 1, state: 'running', attempt: 3, worker: { host, pid, pidStart: start } },
      ...{ device: { provider: 'cpu', threads: 2 }, heartbeat: 5, started: 4, ended: null, reason: null },
    };
    await writeFile(file, JSON.stringify(before));
    const read = await readStatus(file);
    const worker = { target: 'local', handle: { host, pid, start } };
    assert.deepEqual(read, { ...before, v: 2, worker, worked: 0, machine: null });
    assert.equal(stateOf(read), 'running');
    await writeFile(file, JSON.stringify({ ...before, worker: null, state: 'queued' }));
    assert.equal((await readStatus(file)).worker, null);
    await writeFile(file, JSON.stringify({ ...before, v: 3 }));
    await assert.rejects(readStatus(file), hasCode('run.newer'));
    // Locks of before hold the same.
    const dir = await newFolder();
    await writeFile(path.join(dir, 'worker-1.lock'), JSON.stringify({ holder: before.worker }));
    await assert.rejects(Lease.take(dir, NOBODY), hasCode('run.busy'));
  });

  it('gives the lock to one of many, and to the next when the holder is done or dead', async () => {
    const dir = await newFolder();
    const takes = await Promise.allSettled(Array.from({ length: 20 }, () => Lease.take(dir, NOBODY)));
    const taken = takes.flatMap((take) => (take.status === 'fulfilled' ? [take.value] : []));
    assert.equal(taken.length, 1);
    for (const take of takes) if (take.status === 'rejected') assert.ok(hasCode('run.busy')(take.reason));
    await assert.rejects(Lease.take(dir, NOBODY), hasCode('run.busy'));
    await taken[0]!.release();
    const second = await Lease.take(dir, NOBODY);
    assert.equal(second.attempt, taken[0]!.attempt + 1);

    const holder = { ...ownIdentity(), pid: deadPid() };
    await writeFile(path.join(dir, `worker-${second.attempt}.lock`), JSON.stringify({ holder }));
    const third = await Lease.take(dir, NOBODY);
    assert.equal(third.attempt, second.attempt + 1);
    assert.deepEqual(await readdir(dir), [`worker-${third.attempt}.lock`]);
  });

  it('does not give the lock to somebody who looked long ago', async () => {
    // The newest lock file stays even when it is released, so an old number is never the newest again.
    const dir = await newFolder();
    await writeFile(path.join(dir, 'worker-7.lock'), JSON.stringify({ holder: null }));
    assert.equal((await Lease.take(dir, NOBODY)).attempt, 8);
    const half = await newFolder();
    await writeFile(path.join(half, 'worker-1.lock'), '');
    await assert.rejects(Lease.take(half, NOBODY), hasCode('run.busy'));
  });

  it('lists 1 000 runs, newest first, and finds them by a part of the id', async () => {
    const runs = await newFolder();
    const start = Date.UTC(2026, 0, 1);
    for (let i = 0; i < 1000; i++) {
      const created = start + i * 1000;
      const id = newRunId('arithmetic', created).slice(0, -4) + String(i).padStart(4, '0');
      const record = recordOf(created, { id });
      const paths = runPaths(path.join(runs, record.id));
      await mkdir(paths.dir);
      await writeFile(paths.record, JSON.stringify(encodeRecord(record, paths.dir)));
      const status = {
        v: 1,
        state: 'done',
        attempt: 1,
        worker: null,
        device: record.spec.device,
        heartbeat: 0,
        started: 0,
        ended: 0,
        reason: null,
      };
      await writeFile(paths.status, JSON.stringify(status));
      const writer = new EventWriter(paths.events, attempt(1));
      writer.append({ type: 'metrics', step: i, values: { loss: i } });
      writer.append({ type: 'progress', done: 1, total: 2, unit: 'steps' });
      writer.close();
    }
    await mkdir(path.join(runs, 'not-a-run'));
    await mkdir(path.join(runs, '.cache'));
    await mkdir(path.join(runs, 'half'));
    await writeFile(path.join(runs, 'half', 'run.json'), '{"v": 1, "id"');
    await writeFile(path.join(runs, 'a-file'), '');
    const store = new RunStore(runs, path.join(folder, 'cache'));
    const list = await store.list();
    const readable = list.filter(isReadable);
    assert.equal(readable.length, 1000);
    readable.forEach((run, index) => {
      assert.equal(run.lastMetrics?.values.loss, 999 - index);
      assert.equal(run.lastProgress?.total, 2);
    });
    assert.deepEqual(
      list.filter((run) => !isReadable(run)).map(({ id, state }) => [id, state]),
      [['half', 'unreadable']],
    );
    await rm(path.join(runs, 'half'), { recursive: true });
    const [newest] = readable;
    assert.ok(newest);
    assert.equal(await store.find('latest'), newest.dir);
    assert.equal(await store.find(newest.id), newest.dir);
    assert.equal(await store.find('20260101-001639'), newest.dir);
    assert.equal(await store.find(newest.dir), newest.dir);
    assert.equal(await store.find(newest.id.slice(-12)), newest.dir);
    const middle = newest.id.slice(9, -3);
    assert.equal(await store.find(middle), newest.dir, 'a part from the middle');
    const renamed = path.join(runs, 'best so far');
    await rename(newest.dir, renamed);
    assert.equal(await store.find(newest.id), renamed);
    assert.equal(await store.find('best so'), renamed);
    await assert.rejects(store.find('20260101'), hasCode('run.ambiguous'));
    await assert.rejects(store.find('nope'), hasCode('run.not-found'));
    await assert.rejects(store.find(''), hasCode('run.not-found'));
    await assert.rejects(store.find(path.join(runs, 'not-a-run')), hasCode('run.unreadable'));
    assert.deepEqual(await new RunStore(path.join(runs, 'nothing')).list(), []);
    await assert.rejects(new RunStore(path.join(runs, 'a-file')).list(), hasCode('disk.unreadable'));
  });

  it('finds a run by its name, and says which runs a reference could mean', async () => {
    const runs = await newFolder();
    const named = async (created: number, id: string, name: string) => {
      const record = recordOf(created, { id });
      return createRunDirectory(runs, { ...record, spec: { ...record.spec, name } });
    };
    const small = await named(1, '20260101-000001-plrd-bbbb', 'small');
    const again = await named(2, '20260101-000002-plrd-cccc', 'twice');
    await named(3, '20260101-000003-plrd-dddd', 'twice');
    await named(4, '20260101-000004-command-small', 'a/b c');
    const store = new RunStore(runs);
    assert.equal(await store.find('small'), small, 'a whole name before a part of an id');
    assert.equal(await store.find('a/b c'), path.join(runs, '20260101-000004-command-small'));
    assert.equal(await store.find('000002-plrd'), again);
    await assert.rejects(store.find('twice'), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, 'run.ambiguous');
      assert.match(error.message, /2 runs: 20260101-000003-plrd-dddd \(twice\), 20260101-000002-plrd-cccc \(twice\)/);
      return true;
    });
    await assert.rejects(store.find('plrd'), hasCode('run.ambiguous'));
    await assert.rejects(store.find('twic'), hasCode('run.not-found'));
  });

  it('lists a run whose folder or file may not be read', async (t) => {
    const { seteuid, getuid } = process;
    if (!seteuid || !getuid) {
      t.skip('needs users');
      return;
    }
    const runs = await newFolder();
    const shut = await createRunDirectory(runs, recordOf(2));
    const secret = await createRunDirectory(runs, recordOf(1));
    for (const open of [folder, runs]) await chmod(open, 0o755);
    await chmod(shut, 0);
    await chmod(runPaths(secret).record, 0);
    // Permissions do not bind root.
    const isRoot = getuid() === 0;
    if (isRoot) seteuid(65534);
    try {
      const found = await new RunStore(runs).list();
      assert.deepEqual(
        found.map((run) => [run.dir, run.state, !isReadable(run) && run.reason.code]).sort(),
        [
          [shut, 'unreadable', 'file.denied'],
          [secret, 'unreadable', 'file.denied'],
        ].sort(),
      );
      await assert.rejects(readSummary(shut), /Not allowed to read .*run\.json/);
    } finally {
      if (isRoot) seteuid(0);
      await chmod(shut, 0o755);
    }
  });

  it('reads checkpoints with and without meta.json, artifacts, and what is corrupt', async () => {
    const dir = await createRunDirectory(await newFolder(), recordOf(1));
    const paths = runPaths(dir);
    for (const name of ['m10', 'm9', '.partial-m11-x']) await mkdir(path.join(paths.checkpoints, name));
    await writeFile(path.join(paths.checkpoints, 'm9', 'meta.json'), '{"step": 9}');
    await writeFile(path.join(paths.checkpoints, 'm10', 'meta.json'), '{"st');
    await writeFile(path.join(paths.artifacts, 'tradeoff.json'), '{}');
    await writeFile(paths.events, 'rubbish\n');
    const run = await readRun(dir);
    assert.deepEqual(
      run.checkpoints.map(({ name, meta }) => [name, meta]),
      [
        ['m9', { step: 9 }],
        ['m10', null],
      ],
    );
    assert.deepEqual(run.artifacts, ['tradeoff.json']);
    assert.equal(run.problems.length, 1);
  });

  it('counts the work of all attempts, up to the last sign of life', async () => {
    const known = { attempt: 2, worked: 5_000, started: 100_000, heartbeat: 107_000 };
    const dir = await createRunDirectory(await newFolder(), recordOf(Date.now()));
    const status = { ...(await readStatus(runPaths(dir).status)), ...known };
    assert.equal(workedOn({ ...status, ended: 108_000 }), 13_000);
    assert.equal(workedOn({ ...status, ended: null }), 12_000);
    assert.equal(workedOn({ ...status, started: null }), 5_000);
  });

  it('says what is wrong with a status file', async () => {
    const file = path.join(await newFolder(), 'status.json');
    await assert.rejects(readStatus(file), hasCode('file.not-found'));
    await writeFile(file, '{"v": 1, "state": "asleep"}');
    await assert.rejects(readStatus(file), /state/);
  });
});
