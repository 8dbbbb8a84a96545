import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { annotate, ANNOTATIONS_FILE, readAnnotations } from '../../../core/experiments/library/annotations';
import { EventWriter } from '../../../core/experiments/run/event-log';
import { RunFollower } from '../../../core/experiments/run/follower';
import { RunLibrary } from '../../../core/experiments/library/library';
import { ownIdentity } from '../../../core/workers/process';
import { createRunDirectory, newRunId, runPaths, writeStatus } from '../../../core/experiments/run/directory';
import { RECORD_VERSION } from '../../../core/experiments/run/record';
import { readStatus } from '../../../core/experiments/run/status';
import { listTrash, restoreRun, trashRun } from '../../../core/experiments/library/trash';
import { UserError } from '../../../core/errors';
import { localWorker } from '../../../core/workers/worker';
import { attempt } from '../../fixtures/experiments/records';
import { eventually } from '../../patience';

let root = '';
let runsDir = '';
before(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'winnow-library-'));
});
after(async () => {
  await rm(root, { recursive: true, force: true });
});

let folders = 0;
const newFolder = () => {
  runsDir = path.join(root, `runs-${folders++}`);
};

const makeRun = (created: number, name = 'a run') =>
  createRunDirectory(runsDir, {
    v: RECORD_VERSION,
    id: newRunId('test', created),
    created,
    spec: { name, method: 'test', seed: 3, device: { provider: 'cpu', threads: 2 }, tags: ['from-spec'], config: {} },
    specFile: path.join(root, 'a.winnow.json'),
    baseDir: root,
    target: 'local',
    winnow: '0',
    git: null,
    fingerprints: {},
    parents: [],
  });

const become = async (dir: string, change: Partial<Awaited<ReturnType<typeof readStatus>>>) =>
  writeStatus(dir, { ...(await readStatus(runPaths(dir).status)), ...change });

describe('a library of runs', () => {
  it('shows what is there, newest first, and tells what comes, changes and goes', async () => {
    newFolder();
    const old = await makeRun(1_000, 'old');
    const library = new RunLibrary(runsDir);
    const told: string[] = [];
    library.onDidChange(({ changed, removed }) => {
      told.push(...changed.map((id) => `+${id}`), ...removed.map((id) => `-${id}`));
    });
    await library.refresh();
    assert.deepEqual(
      library.rows().map((row) => row.name),
      ['old'],
    );
    const young = await makeRun(2_000, 'young');
    await library.refresh();
    assert.deepEqual(
      library.rows().map((row) => row.name),
      ['young', 'old'],
    );

    told.length = 0;
    await library.refresh();
    assert.equal(told.length, 0, 'nothing changed, nothing is told');

    const events = new EventWriter(runPaths(young).events, attempt(1));
    events.append({ type: 'metrics', step: 7, phase: 'train', values: { loss: NaN } });
    events.close();
    await library.refresh();
    assert.deepEqual(told, [`+${path.basename(young)}`]);
    assert.deepEqual(library.row(path.basename(young))?.metrics, { step: 7, phase: 'train', values: { loss: NaN } });

    await rm(old, { recursive: true });
    await library.refresh();
    assert.equal(told.at(-1), `-${path.basename(old)}`);
    assert.equal(library.rows().length, 1);
    library.close();
  });

  it('a run whose worker is dead turns lost although no file changes', async () => {
    newFolder();
    const dir = await makeRun(1_000);
    await become(dir, { state: 'running', worker: localWorker(), attempt: 1 });
    const library = new RunLibrary(runsDir);
    await library.refresh();
    assert.equal(library.rows()[0]?.state, 'running');
    // The same number and another start time: somebody else's process.
    await become(dir, { state: 'running', worker: localWorker({ ...ownIdentity(), start: 'another' }) });
    const file = runPaths(dir).status;
    await library.refresh();
    assert.equal(library.rows()[0]?.state, 'lost');
    assert.match(await readFile(file, 'utf8'), /"running"/, 'the file still says that it runs');
    library.close();
  });

  it('shows a run that cannot be read, too, and it does not hide the others', async () => {
    newFolder();
    const dir = await makeRun(1_000);
    await cp(dir, path.join(runsDir, 'broken'), { recursive: true });
    await writeFile(path.join(runsDir, 'broken', 'run.json'), '{');
    await writeFile(path.join(dir, ANNOTATIONS_FILE), 'no JSON');
    const library = new RunLibrary(runsDir);
    await library.refresh();
    assert.deepEqual(
      library.rows().map((row) => [row.id, row.name, row.state]),
      [
        ['broken', 'broken', 'unreadable'],
        [path.basename(dir), 'a run', 'queued'],
      ],
    );
    assert.match(library.row('broken')?.reason ?? '', /run\.json is not valid JSON\. .*winnow delete broken/);

    await writeFile(runPaths(dir).status, '');
    await cp(runPaths(dir).record, path.join(runsDir, 'broken', 'run.json'));
    await library.refresh();
    assert.equal(library.row('broken')?.state, 'queued', 'it was restored');
    assert.equal(library.row(path.basename(dir))?.state, 'damaged');
    library.close();
  });

  it('a second window shows the runs from the index, and corrects it', async () => {
    newFolder();
    const first = await makeRun(1_000, 'first');
    const second = await makeRun(2_000, 'second');
    const indexFile = path.join(root, 'index.json');
    const one = new RunLibrary(runsDir, indexFile);
    await one.refresh();
    await eventually('the index to be written', () => existsSync(indexFile));
    one.close();

    await become(first, { state: 'done', ended: 5 });
    await utimes(runPaths(first).status, 1, 1);
    await rename(second, path.join(root, 'moved away'));
    const two = new RunLibrary(runsDir, indexFile);
    const seen: string[][] = [];
    two.onDidChange(() => {
      seen.push(two.rows().map((row) => `${row.name} ${row.state}`));
    });
    await two.refresh();
    assert.deepEqual(seen[0], ['second queued', 'first queued'], 'as the index says, at once');
    assert.deepEqual(seen.at(-1), ['first done'], 'as the disk says');
    two.close();

    await writeFile(indexFile, 'rubbish');
    const three = new RunLibrary(runsDir, indexFile);
    await three.refresh();
    assert.equal(three.rows().length, 1);
    three.close();
  });
});

describe('annotations', () => {
  it('changes made at once are all kept, and a field can go back to what the spec says', async () => {
    newFolder();
    const dir = await makeRun(1_000);
    await Promise.all([
      annotate(dir, { name: ' my best ' }),
      annotate(dir, { starred: true }),
      annotate(dir, { tags: ['x', 'y', 'x'] }),
      annotate(dir, { notes: 'why' }),
    ]);
    assert.deepEqual(await readAnnotations(dir), { name: 'my best', notes: 'why', tags: ['x', 'y'], starred: true });
    await annotate(dir, { tags: null, starred: false });
    const library = new RunLibrary(runsDir);
    await library.refresh();
    const { name, tags, starred, notes } = library.rows()[0]!;
    assert.deepEqual(
      { name, tags, starred, notes },
      { name: 'my best', tags: ['from-spec'], starred: false, notes: 'why' },
    );
    library.close();
  });

  it('refuses an empty name and keeps what was there', async () => {
    newFolder();
    const dir = await makeRun(1_000);
    await annotate(dir, { name: 'good' });
    await assert.rejects(
      annotate(dir, { name: '  ' }),
      (error) => error instanceof UserError && error.code === 'annotation.invalid',
    );
    assert.deepEqual(await readAnnotations(dir), { name: 'good' });
    await assert.rejects(annotate(path.join(runsDir, 'none'), { name: 'x' }), /no run/);
  });
});

describe('the trash of runs', () => {
  it('takes a run away and gives it back', async () => {
    newFolder();
    const dir = await makeRun(1_000);
    const id = path.basename(dir);
    await trashRun(dir);
    assert.deepEqual(await listTrash(runsDir), [id]);
    const library = new RunLibrary(runsDir);
    await library.refresh();
    assert.equal(library.size, 0);
    assert.equal(await restoreRun(runsDir, id), dir);
    await library.refresh();
    assert.equal(library.size, 1);
    library.close();
  });

  it('refuses a run that is being worked on', async () => {
    newFolder();
    const dir = await makeRun(1_000);
    await become(dir, { state: 'running', worker: localWorker() });
    await assert.rejects(trashRun(dir), (error) => error instanceof UserError && error.code === 'run.busy');
    assert.equal((await readStatus(runPaths(dir).status)).state, 'running');
  });
});

it('a follower reads every event once', async () => {
  newFolder();
  const dir = await makeRun(1_000);
  const events = new EventWriter(runPaths(dir).events, attempt(1));
  const follower = new RunFollower(dir);
  assert.equal((await follower.read()).length, 0);
  for (const step of [1, 2]) events.append({ type: 'metrics', step, values: { loss: 1 / step } });
  const [first, same] = await Promise.all([follower.read(), follower.read()]);
  assert.equal(first.length, 2);
  assert.equal(same, first);
  events.append({ type: 'metrics', step: 3, values: { loss: 0 } });
  events.close();
  assert.deepEqual(
    (await follower.read()).map((event) => event.type === 'metrics' && event.step),
    [3],
  );
  assert.equal(follower.history.metrics.get('')?.length, 3);
});
