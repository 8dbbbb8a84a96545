import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { listCheckpoints } from '../../../core/experiments/library/checkpoints';
import { originOf } from '../../../core/experiments/library/branch-origin';
import { contentOf } from '../../../core/experiments/library/foreign-files';
import { createRunDirectory, readRecord, writeStatus } from '../../../core/experiments/run/directory';
import { readStatus } from '../../../core/experiments/run/status';
import { CheckpointFinder, checkKept, filesOfOthers } from '../../../core/methods/command/checkpoints';
import { CommandConfig } from '../../../core/methods/command/config';
import { Measured } from '../../../core/methods/command/metrics/measured';
import { Neighbors } from '../../../core/methods/command/neighbors';
import { listerOf, toldOf } from '../../../core/methods/command/program/told';
import { localWorker } from '../../../core/workers/worker';

const config = CommandConfig.parse({ command: 'python train.py', checkpoints: ['out/ckpt-*'] });
const measured = new Measured();
measured.add(4, { loss: 0.5 });

describe('checkpoints of one run, and other runs and programs that write there', () => {
  let folder = '';
  const at = (...parts: string[]) => path.join(folder, ...parts);
  const write = async (name: string, content: string | Buffer) => {
    await mkdir(path.dirname(at(name)), { recursive: true });
    await writeFile(at(name), content);
  };
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-neighbors-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** A run of a program in `runs/`, at work in this process or over. */
  class Run {
    constructor(
      readonly id: string,
      readonly runs = 'runs',
    ) {}
    get dir() {
      return at(this.runs, this.id);
    }
    async create(checkpoints = config.checkpoints): Promise<this> {
      const device = { provider: 'cpu', threads: 1 } as const;
      await createRunDirectory(at(this.runs), {
        ...{ v: 2, id: this.id, created: Date.now(), specFile: at('s.winnow.json'), baseDir: folder, winnow: '0' },
        ...{ target: 'local', git: null, fingerprints: {}, parents: [] },
        spec: { name: this.id, method: 'command', seed: 1, device, config: { ...config, checkpoints } },
      });
      return this;
    }
    async says(state: 'running' | 'stopped', ended = Date.now()): Promise<void> {
      const status = await readStatus(path.join(this.dir, 'status.json'));
      const started = status.started ?? Date.now();
      const worker = localWorker();
      const over = state === 'stopped' ? { ended } : { ended: null, attempt: status.attempt + 1 };
      await writeStatus(this.dir, { ...status, worker, started, heartbeat: Date.now(), ...over, state });
    }
    /** What a worker has while its program runs. */
    async finder(): Promise<CheckpointFinder> {
      const { spec, baseDir } = await readRecord(this.dir);
      const run = { dir: this.dir, baseDir, seed: spec.seed, device: spec.device };
      const own = CommandConfig.parse(spec.config);
      const list = listerOf(own, run, toldOf(own, run, 1));
      return new CheckpointFinder(
        async () => list(own.checkpoints, { directories: true }),
        this.dir,
        new Neighbors(path.dirname(this.dir), this.id),
      );
    }
    /** An attempt whose program writes files and stops. */
    async attempt(files: Readonly<Record<string, string | Buffer>>): Promise<string[]> {
      await this.says('running');
      const finder = await this.finder();
      await finder.begin(measured);
      for (const [name, content] of Object.entries(files)) await write(name, content);
      await finder.look(measured);
      await finder.look(measured, 'stopped');
      await this.says('stopped');
      return finder.takeRemarks();
    }
    async states(): Promise<Record<string, string>> {
      const rows = await listCheckpoints(this.dir);
      return Object.fromEntries(
        rows.map(({ name, missing, changed }) => [name, missing ? 'missing' : changed ? 'changed' : 'own']),
      );
    }
    /** What the program would be given if the run went on now, and what is said of it. */
    async resumes(): Promise<{ from: string | undefined; said: string }> {
      const finder = await this.finder();
      await finder.begin(measured);
      return { from: finder.latest && path.relative(folder, finder.latest), said: finder.takeRemarks().join('\n') };
    }
  }

  const a = async () => new Run('a').create();
  /** Files of some age: what is written next has another time. */
  const old = async (...names: string[]) => {
    for (const [i, name] of names.entries()) await utimes(at(name), 1e9 + i, 1e9 + i);
  };

  it('goes on from the one before what another run wrote over, and says so', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1', 'out/ckpt-2.pt': 'a 2' });
    assert.deepEqual(await run.resumes(), { from: 'out/ckpt-2.pt', said: '' });
    const b = await new Run('b').create();
    const warned = await b.attempt({ 'out/ckpt-2.pt': 'b 2' });
    assert.match(
      warned.join(),
      /ckpt-1\.pt and 1 more are checkpoints of the run a, and "checkpoints" matches them here too/,
    );
    assert.deepEqual(await b.states(), { 'ckpt-2.pt': 'own' }, 'what was there before is none of its own');
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'own', 'ckpt-2.pt': 'changed' });
    const { from, said } = await run.resumes();
    assert.equal(from, 'out/ckpt-1.pt');
    assert.match(said, /ckpt-2\.pt is not used: it was overwritten after .* Resuming continues from ckpt-1\.pt\./);
    assert.equal((await b.resumes()).from, 'out/ckpt-2.pt');
  });

  it('refuses to go on where nothing is left of its own', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1', 'out/ckpt-2.pt': 'a 2' });
    await checkKept(run.dir);
    await (await new Run('b').create()).attempt({ 'out/ckpt-1.pt': 'b 1', 'out/ckpt-2.pt': 'b 2' });
    const refused = {
      code: 'command.checkpoints-changed',
      message: /no checkpoint left to resume from: .*ckpt-1\.pt and 1 more were overwritten/,
      hint: /winnow rerun.*\$\{output\}/,
    };
    await assert.rejects(checkKept(run.dir), refused);
    await assert.rejects(run.resumes(), refused);
    // Put back, they are what they were.
    await write('out/ckpt-1.pt', 'a 1');
    await checkKept(run.dir);
    assert.equal((await run.resumes()).from, 'out/ckpt-1.pt');
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'own', 'ckpt-2.pt': 'changed' });
  });

  it('deleted files are missing: the one before, else the beginning', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1' });
    await run.attempt({ 'out/ckpt-2.pt': 'a 2' });
    await rm(at('out/ckpt-2.pt'));
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'own', 'ckpt-2.pt': 'missing' });
    const { from, said } = await run.resumes();
    assert.equal(from, 'out/ckpt-1.pt');
    assert.match(said, /ckpt-2\.pt is not used: it was deleted\. Resuming continues from ckpt-1\.pt/);
    await rm(at('out/ckpt-1.pt'));
    await checkKept(run.dir);
    const none = await run.resumes();
    assert.equal(none.from, undefined);
    assert.match(none.said, /ckpt-1\.pt, ckpt-2\.pt are not used: they were deleted\. .*from the beginning/);
  });

  it('one of the same size and with the same time is seen by its bytes', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'weights of a' });
    await old('out/ckpt-1.pt');
    // What it is now was recorded with another time; the bytes are the same.
    assert.equal((await run.resumes()).from, 'out/ckpt-1.pt');
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'own' });
    const other = await new Run('other').create();
    await write('out/ckpt-1.pt', 'weights of x');
    await old('out/ckpt-1.pt');
    await assert.rejects(run.resumes(), { code: 'command.checkpoints-changed' });
    // Recorded with exactly this size and time.
    await other.attempt({ 'out/ckpt-2.pt': 'weights of b' });
    const { atime, mtime } = await stat(at('out/ckpt-2.pt'));
    await write('out/ckpt-2.pt', 'weights of c');
    await utimes(at('out/ckpt-2.pt'), atime, mtime);
    await assert.rejects(checkKept(other.dir), { code: 'command.checkpoints-changed' });
  });

  it('large files are told apart too; without their time they have to be read whole', async () => {
    const large = Buffer.alloc(17 * 2 ** 20, 1);
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': large });
    const before = await contentOf(at('out/ckpt-1.pt'));
    assert.equal(before?.whole, false);
    assert.equal((await run.resumes()).from, 'out/ckpt-1.pt');
    large.fill(2, 5 * 2 ** 20, 6 * 2 ** 20);
    await write('out/ckpt-1.pt', large);
    assert.notEqual((await contentOf(at('out/ckpt-1.pt')))?.digest, before.digest);
    await assert.rejects(run.resumes(), { code: 'command.checkpoints-changed' });
    large.fill(1);
    await write('out/ckpt-1.pt', large);
    assert.equal((await contentOf(at('out/ckpt-1.pt')))?.digest, before.digest);
    await assert.rejects(run.resumes(), { code: 'command.checkpoints-changed' }, 'samples are no proof');
  });

  it('folders: a file in one that is replaced, added or removed makes it another', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-500/model.bin': 'w', 'out/ckpt-500/state.json': '{}' });
    assert.deepEqual(await run.states(), { 'ckpt-500': 'own' });
    for (const change of [
      () => write('out/ckpt-500/model.bin', 'v'),
      () => write('out/ckpt-500/more.bin', 'v'),
      () => rm(at('out/ckpt-500/state.json')),
    ]) {
      await cp(at('out'), at('saved'), { recursive: true });
      await change();
      assert.deepEqual(await run.states(), { 'ckpt-500': 'changed' });
      await assert.rejects(run.resumes(), { code: 'command.checkpoints-changed', message: /ckpt-500 was overwritten/ });
      await rm(at('out'), { recursive: true });
      await rename(at('saved'), at('out'));
      assert.equal((await run.resumes()).from, 'out/ckpt-500', 'copied back it has other times and the same bytes');
    }
  });

  it("a file that was renamed: another run's under a new name is not this one's; one of its own is", async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1' });
    await old('out/ckpt-1.pt');
    const b = await new Run('b').create();
    await b.says('running');
    const finder = await b.finder();
    await finder.begin(measured);
    await rename(at('out/ckpt-1.pt'), at('out/ckpt-old.pt'));
    await write('out/ckpt-9.tmp', 'b 9');
    await rename(at('out/ckpt-9.tmp'), at('out/ckpt-9.pt'));
    await finder.look(measured);
    assert.deepEqual(
      (await finder.look(measured, 'finished')).map(({ name }) => name),
      ['ckpt-9.pt'],
    );
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'missing' });
  });

  it('two runs that write one folder at the same time: what cannot be told is neither of theirs', async () => {
    const [run, b] = [await a(), await new Run('b').create()];
    await run.says('running');
    const first = await run.finder();
    await first.begin(measured);
    await write('out/ckpt-1.pt', 'a 1');
    await first.look(measured);
    await first.look(measured);
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'own' });

    await b.says('running');
    const second = await b.finder();
    await second.begin(measured);
    await write('out/ckpt-1.pt', 'b 1');
    await write('out/ckpt-2.pt', 'of whom?');
    await utimes(at('out/ckpt-2.pt'), 1e9, 1e9);
    for (const finder of [first, second, first, second]) assert.deepEqual(await finder.look(measured), []);
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'changed' });
    assert.deepEqual(await b.states(), {});
    assert.match(
      first.takeRemarks().join(),
      /ckpt-1\.pt is not a checkpoint of this run: the run b writes .*\$\{output\}/,
    );
    assert.equal(second.takeRemarks().filter((text) => text.includes('the run a writes')).length, 1, 'it is said once');
    assert.equal(first.latest, undefined);

    // When the other is over, what comes after it is the run's own.
    await write('out/ckpt-3.pt', 'perhaps its last');
    await b.says('stopped', Date.now() - 60_000);
    for (let i = 0; i < 3; i++) assert.deepEqual(await first.look(measured), []);
    await write('out/ckpt-3.pt', 'a 3');
    await first.look(measured);
    assert.deepEqual(
      (await first.look(measured)).map(({ name }) => name),
      ['ckpt-3.pt'],
    );
  });

  it('runs that follow each other at once, or write elsewhere, are not at the same time', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1' });
    const b = await new Run('b').create();
    assert.equal((await b.attempt({ 'out/ckpt-2.pt': 'b 2' })).length, 1, 'it warns of ckpt-1.pt alone');
    assert.deepEqual(await b.states(), { 'ckpt-2.pt': 'own' });
    const elsewhere = await new Run('c').create(['elsewhere/ckpt-*']);
    await elsewhere.says('running');
    const d = await new Run('d').create(['${output}/ckpt-*']);
    await d.says('running');
    assert.deepEqual(await d.attempt({ 'runs/d/output/ckpt-1.pt': 'd 1' }), []);
    const e = await new Run('e').create(['third/ckpt-*']);
    assert.deepEqual(await e.attempt({ 'third/ckpt-1.pt': 'e 1' }), []);
    assert.deepEqual([await d.states(), await e.states()], [{ 'ckpt-1.pt': 'own' }, { 'ckpt-1.pt': 'own' }]);
  });

  it('what another run wrote after this one was killed is not what it was about to write', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1' });
    const since = Date.now() - 1000;
    await write('out/ckpt-2.pt', 'PK');
    const own = await run.finder();
    await own.begin(measured, { since, until: Date.now() + 15_000 });
    assert.match(own.takeRemarks().join(), /ckpt-2\.pt is not used: it was still being written/);
    await rm(at('out/ckpt-2.pt'));
    // Long after its last sign of life.
    const later = await run.finder();
    await write('out/ckpt-1.pt', '{"whole": true}');
    await utimes(at('out/ckpt-1.pt'), 2e9, 2e9);
    await assert.rejects(later.begin(measured, { since, until: Date.now() }), { code: 'command.checkpoints-changed' });
    // By another run, at once.
    await write('out/ckpt-1.pt', 'a 1');
    const b = await new Run('b').create();
    await b.attempt({ 'out/ckpt-3.json': '{"of": "b"}' });
    const third = await run.finder();
    assert.deepEqual(await third.begin(measured, { since, until: Date.now() + 15_000 }), []);
    assert.equal(third.latest && path.basename(third.latest), 'ckpt-1.pt');
  });

  it('a copied folder of runs keeps its checkpoints, and the newest is the newest', async () => {
    const run = await new Run('a').create(['${output}/ckpt-*']);
    await run.attempt({ 'runs/a/output/ckpt-1.pt': 'one', 'runs/a/output/ckpt-3.pt': 'three' });
    await run.attempt({ 'runs/a/output/ckpt-2.pt': 'written last' });
    await cp(at('runs'), at('elsewhere', 'runs'), { recursive: true });
    await rm(at('runs'), { recursive: true });
    // As a copy has them: in the order of copying.
    const copied = (name: string) => path.join('elsewhere/runs/a/output', name);
    await old(copied('ckpt-2.pt'), copied('ckpt-1.pt'), copied('ckpt-3.pt'));
    const copy = new Run('a', 'elsewhere/runs');
    assert.deepEqual(await copy.states(), { 'ckpt-1.pt': 'own', 'ckpt-2.pt': 'own', 'ckpt-3.pt': 'own' });
    assert.equal((await copy.resumes()).from, path.join('elsewhere/runs/a/output/ckpt-2.pt'));
    await write('elsewhere/runs/a/output/ckpt-2.pt', 'written over');
    assert.equal((await copy.states())['ckpt-2.pt'], 'changed');
  });

  it('the clock of a disk that goes wrong by hours changes nothing', async () => {
    for (const [name, shift] of [
      ['ahead', 7200],
      ['behind', -7200],
    ] as const) {
      const run = await new Run(name).create([`${name}/ckpt-*`]);
      await run.says('running');
      const finder = await run.finder();
      await finder.begin(measured);
      for (const step of [1, 2]) {
        await write(`${name}/ckpt-${step}.pt`, `${name} ${step}`);
        const time = Date.now() / 1000 + shift + step;
        await utimes(at(name, `ckpt-${step}.pt`), time, time);
        await finder.look(measured);
        await finder.look(measured);
      }
      await finder.look(measured, 'stopped');
      await run.says('stopped');
      assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'own', 'ckpt-2.pt': 'own' });
      assert.equal((await run.resumes()).from, `${name}/ckpt-2.pt`);
    }
  });

  it('a plan names the files of other runs that would be overwritten', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1' });
    const others = new Neighbors(at('runs'));
    assert.match(
      (await filesOfOthers([at('out/ckpt-1.pt')], others)) ?? '',
      /^ckpt-1\.pt is a checkpoint of the run a,/,
    );
    assert.equal(await filesOfOthers([at('out/ckpt-2.pt')], others), undefined);
    assert.deepEqual((await readdir(at('runs'))).sort(), ['a']);
  });

  it('nothing is branched from one that is another by now', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1' });
    const checkpoint = path.join(run.dir, 'checkpoints', 'ckpt-1.pt');
    assert.equal((await originOf(checkpoint)).model, at('out/ckpt-1.pt'));
    await write('out/ckpt-1.pt', 'b 1');
    await assert.rejects(originOf(checkpoint), { code: 'branch.changed', message: /ckpt-1\.pt was overwritten/ });
  });

  it('checkpoints of earlier versions, which recorded no content, are known by how they look', async () => {
    const run = await a();
    await run.attempt({ 'out/ckpt-1.pt': 'a 1' });
    const file = path.join(run.dir, 'checkpoints', 'ckpt-1.pt', 'meta.json');
    const { step, source, mark } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ kind: 'model', step, source, mark }));
    assert.equal((await run.resumes()).from, 'out/ckpt-1.pt');
    await write('out/ckpt-1.pt', 'b');
    assert.deepEqual(await run.states(), { 'ckpt-1.pt': 'changed' });
    await assert.rejects(run.resumes(), { code: 'command.checkpoints-changed' });
  });
});
