import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LocalCompute } from '../../../../core/compute/local';
import { RunMirror } from '../../../../core/compute/mirror';
import type { SshCompute } from '../../../../core/compute/ssh/ssh';
import { Synchronizer } from '../../../../core/compute/synchronizer';
import { Targets } from '../../../../core/compute/targets';
import { createRegistry } from '../../../../core/experiments/registry';
import { createRunDirectory, runPaths, writeStatus } from '../../../../core/experiments/run/directory';
import { mirrorPath, readMirror } from '../../../../core/experiments/run/mirror-file';
import { readState } from '../../../../core/experiments/run/state';
import { readStatus } from '../../../../core/experiments/run/status';
import { localWorker } from '../../../../core/workers/worker';
import { arithmetic } from '../../../fixtures/experiments/arithmetic';
import { recordOf } from '../../../fixtures/experiments/records';
import { lacking } from '../../../servers/cluster';
import { RemoteBed } from '../remote-bed';

const RUNS = 200;
/** Fewer than the run of one look at one run takes by itself. */
const LINE = '{"v":1,"time":1,"attempt":1,"type":"metrics","step":3,"phase":"iterate","values":{"value":0.5}}\n';

describe('two hundred runs on one remote', { concurrency: false, skip: lacking('sshd') }, () => {
  let bed: RemoteBed;
  let box: SshCompute;
  let all: Synchronizer;
  const dirs: string[] = [];
  const thereOf = (dir: string) => path.join(bed.cluster.home, '.winnow', 'runs', path.basename(dir));

  before(async () => {
    bed = await RemoteBed.open();
    box = bed.target();
    const done = String((await bed.bench.json(0, 'run', await bed.bench.spec({ steps: 12 }, 'model'))).dir);
    // A copy, because its worker may still have a status to write.
    const whole = `${done}-running`;
    await cp(done, whole, { recursive: true });
    // A process that is there as long as the machine is.
    const worker = localWorker({ host: (await bed.cluster.inside('hostname')).trim(), pid: 1, start: null });
    const runs = path.join(bed.cluster.home, '.winnow', 'runs');
    await mkdir(runs, { recursive: true });
    const status = await readStatus(runPaths(whole).status);
    await writeStatus(whole, { ...status, state: 'running', ended: null, worker });
    const record = recordOf(Date.UTC(2026, 0, 1), { target: box.name });
    const first = await createRunDirectory(bed.bench.runs, record);
    await RunMirror.create(first, box.name, path.posix.join('/root/.winnow/runs', record.id));
    // Each checkpoint that a mirror announces is flushed to the disk: one run in twenty has some.
    const bare = `${whole}-bare`;
    await cp(whole, bare, { recursive: true });
    for (const folder of ['checkpoints', 'artifacts']) {
      await rm(path.join(bare, folder), { recursive: true });
      await mkdir(path.join(bare, folder));
    }
    // Copies, because what is flushed to the disk two hundred times takes a minute.
    for (let i = 0; i < RUNS; i++) {
      const here = path.join(bed.bench.runs, `${record.id}${i}`);
      await cp(first, here, { recursive: true });
      for (const file of [runPaths(here).record, mirrorPath(here)])
        await writeFile(file, (await readFile(file, 'utf8')).replaceAll(record.id, path.basename(here)));
      await cp(i % 20 === 0 ? whole : bare, thereOf(here), { recursive: true });
      dirs.push(here);
    }
    await rm(first, { recursive: true });
    for (const model of [done, whole, bare]) await rm(model, { recursive: true });
    all = new Synchronizer(
      bed.bench.runs,
      new Targets(new LocalCompute(path.join(bed.bench.folder, 'worker.js'), createRegistry([arithmetic])), () =>
        Promise.resolve([box]),
      ),
    );
    await box.devices();
  });
  after(() => bed.close());

  /** A look, and what it took. */
  async function look() {
    const { traffic } = await box.client.agent();
    const before = { ...traffic };
    const seen = await all.look();
    const [calls, sent, received] = (['calls', 'sent', 'received'] as const).map((key) => traffic[key] - before[key]);
    return { ...seen, calls: calls!, sent: sent!, received: received! };
  }
  const sameLog = async (dir: string) => {
    assert.deepEqual(await readFile(runPaths(dir).events), await readFile(runPaths(thereOf(dir)).events));
  };

  it('are brought up to date with one question, but for files that are copied whole', async () => {
    const first = await look();
    assert.deepEqual(first.problems, []);
    assert.equal(first.underway, RUNS);
    for (const dir of dirs) await sameLog(dir);
    // Artifacts and descriptions of checkpoints are read one by one, once.
    const again = await look();
    assert.equal(again.calls, 1, 'one question for all runs');
    assert.equal(await bed.cluster.logins(), 1);
  });

  it('that are quiet cost a hundred bytes each; one that has news, its news', async () => {
    // Until the times of its folders are old, they are listed again; that changes no answer.
    const quiet = await look();
    assert.deepEqual([quiet.calls, quiet.changes, quiet.problems], [1, [], []]);
    assert.ok(quiet.sent < 250 * RUNS, `${quiet.sent} bytes sent`);
    assert.ok(quiet.received < 100 * RUNS, `${quiet.received} bytes received`);

    const busy = [dirs[3]!, dirs[70]!, dirs[199]!];
    const times = await Promise.all(dirs.map(async (dir) => (await stat(runPaths(dir).status)).mtimeMs));
    for (const dir of busy) await appendFile(runPaths(thereOf(dir)).events, LINE);
    const news = await look();
    assert.equal(news.calls, 1);
    assert.ok(news.received - quiet.received < 3 * 4_000, `${news.received - quiet.received} bytes more`);
    for (const dir of busy) await sameLog(dir);
    const later = await Promise.all(dirs.map(async (dir) => (await stat(runPaths(dir).status)).mtimeMs));
    assert.deepEqual(later, times, 'no status is written that has not changed');
  });

  it('are each told when it ends, is lost or cannot be read there, and keep none of the others', async () => {
    const [ended, dead, damaged, gone] = [dirs[0]!, dirs[1]!, dirs[2]!, dirs[5]!];
    const become = async (dir: string, change: object) => {
      const { status } = runPaths(thereOf(dir));
      await writeFile(status, JSON.stringify({ ...(await readStatus(status)), ...change }));
    };
    await become(ended, { state: 'done', ended: Date.now() });
    await mkdir(path.join(thereOf(ended), 'artifacts'), { recursive: true });
    await writeFile(path.join(thereOf(ended), 'artifacts', 'late.json'), '{}');
    const { worker } = await readStatus(runPaths(thereOf(dead)).status);
    await become(dead, { worker: { ...worker, handle: { ...worker!.handle, pid: 999_999 } } });
    await writeFile(runPaths(thereOf(damaged)).status, '');
    await rm(thereOf(gone), { recursive: true });
    const { changes, problems, underway } = await look();
    assert.deepEqual(
      changes.map(({ dir, state }) => [dir, state]).sort(),
      [
        [ended, 'done'],
        [dead, 'lost'],
      ].sort(),
    );
    assert.equal(problems.length, 2);
    assert.equal(underway, RUNS - 2, 'what cannot be read has not ended, as far as is known');
    assert.equal((await readState(ended)).state, 'done');
    assert.equal(await readFile(path.join(ended, 'artifacts', 'late.json'), 'utf8'), '{}');
    assert.equal((await readState(dead)).state, 'lost');
    assert.equal((await readState(damaged)).state, 'running');
    assert.deepEqual((await look()).problems, [], 'the same is said once');
  });

  it('are caught up with after the log here was cut, or is another one', async () => {
    const [cut, other] = [dirs[20]!, dirs[21]!];
    const text = await readFile(runPaths(cut).events);
    await writeFile(runPaths(cut).events, text.subarray(0, text.indexOf(0x0a) + 1));
    await writeFile(runPaths(other).events, 'x'.repeat(text.length));
    await appendFile(runPaths(thereOf(other)).events, LINE);
    await look();
    await sameLog(cut);
    await sameLog(other);
  });

  it('go on unheard while the remote is away, and a first look afterwards needs one question', async () => {
    const heard = (await readMirror(dirs[9]!))!.heard;
    await bed.cluster.fault('drop');
    await bed.cluster.fault('refuse');
    try {
      const away = await all.look();
      assert.equal(away.problems.length, 1, 'one problem, not two hundred');
      assert.equal((await readState(dirs[9]!)).state, 'running');
      assert.equal((await readMirror(dirs[9]!))!.heard, heard);
    } finally {
      await bed.cluster.fault('accept');
    }
    box.client.retry();
    await box.devices();
    assert.equal((await look()).calls, 1);
  });
});
