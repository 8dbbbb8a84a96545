import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readEvents } from '../../../core/experiments/run/event-log';
import { runPaths } from '../../../core/experiments/run/directory';
import { readRun } from '../../../core/experiments/library/store';
import { Programs } from '../command/programs';
import { smallDisk } from './mounts';
import { at, outcome, poll, status, until, Workbench } from './workbench';

const isFull = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOSPC';

/** Fills a disk to the last byte. @returns makes room again */
async function fill(disk: string): Promise<() => Promise<void>> {
  const file = path.join(disk, 'in-the-way');
  for (const piece of [1 << 16, 4096, 1])
    for (;;) {
      const failed = await writeFile(file, Buffer.alloc(piece), { flag: 'a' }).then(() => false, isFull);
      if (failed) break;
    }
  return () => rm(file);
}

/** What a run must be whatever happened to its disk. */
async function assertWhole(dir: string): Promise<void> {
  assert.equal((await status(dir)).state, 'failed');
  assert.equal((await status(dir)).reason?.code, 'disk.full');
  assert.ok(!(await readFile(runPaths(dir).events)).includes(0));
  assert.deepEqual((await readEvents(runPaths(dir).events)).problems, []);
  assert.deepEqual(
    (await readdir(dir, { recursive: true })).filter((name) => /\.(partial|displaced)-/.test(name)),
    [],
  );
}

describe('a disk that is full', () => {
  let bench: Workbench;
  let programs: Programs;
  before(async () => {
    bench = await Workbench.open();
    programs = await Programs.open();
  });
  after(async () => {
    await bench.close();
    await programs.close();
  });

  it('under a program that prints on: nothing is written into another file, and it resumes when there is room', async (t) => {
    const disk = programs.file('small');
    if (!(await smallDisk(t, disk, 'size=1m'))) return;
    await programs.program('chatty', [
      `const pad = 'x'.repeat(100);`,
      `for (let step = 1; step <= (process.env.WINNOW_ATTEMPT > 1 ? 3 : 12000); step++) console.log('step ' + step + ' loss=' + 1 / step + ' ' + pad);`,
    ]);
    const { code, stderr } = programs.winnow('run', 'chatty.winnow.json', '--runs-dir', disk);
    assert.equal(code, 1);
    assert.match(stderr, /^Error: No space left to write .*\n {2}Free some space.*\n$/);
    const [id = ''] = (await readdir(disk)).filter((name) => !name.startsWith('.'));
    const dir = path.join(disk, id);
    await assertWhole(dir);
    assert.match(programs.winnow('list', '--runs-dir', disk).stdout, /failed .*\n +No space left to write/);
    assert.ok((await readRun(dir)).history.metrics.size > 0);
    await writeFile(runPaths(dir).log, '');
    const { code: resumed, stderr: why } = programs.winnow('resume', id, '--runs-dir', disk);
    assert.equal(resumed, 0, why);
    assert.equal((await readRun(dir)).state, 'done');
  });

  it('under a checkpoint, the status and the heartbeat: the last checkpoint stays whole', async (t) => {
    const disk = path.join(bench.folder, 'disk');
    if (!(await smallDisk(t, disk, 'size=2m'))) return;
    const settings = { seed: 2, steps: 60, checkpointEvery: 7 };
    const whole = await bench.detach(settings);
    assert.equal(await until(whole, 'done', 'failed'), 'done');
    const spec = await bench.spec({ ...settings, gate: 'room', gateAt: 20 });
    const dir = String((await bench.json(0, 'run', spec, '--runs-dir', disk, '--detach')).dir);
    await poll('the gate', async () => {
      const { events } = await readEvents(runPaths(dir).events);
      return events.some((event) => event.type === 'metrics' && event.step === 20) ? true : undefined;
    });
    const makeRoom = await fill(disk);
    // While it waits only its heartbeat is written: it says once that it cannot be, and the run goes on.
    await poll('a heartbeat that fails', async () => {
      const { heartbeat } = await status(dir);
      return Date.now() - heartbeat > 5_000 ? true : undefined;
    });
    assert.equal((await bench.json(0, 'show', path.basename(dir), '--runs-dir', disk)).state, 'running');
    await bench.openGate('room');
    assert.equal(await until(dir, 'failed', 'done', 'lost', 'damaged'), 'failed');
    await assertWhole(dir);
    const again = await bench.json(1, 'resume', path.basename(dir), '--runs-dir', disk);
    assert.equal(at(again, 'error', 'code'), 'disk.full', 'still no room');
    await assertWhole(dir);
    await makeRoom();
    assert.equal((await bench.json(0, 'resume', path.basename(dir), '--runs-dir', disk)).state, 'done');
    assert.deepEqual(await outcome(dir), await outcome(whole));
  });

  it('at the very first write, in bytes and in files: one sentence, and nothing is left', async (t) => {
    for (const [name, options] of [
      ['no-bytes', 'size=64k'],
      ['no-files', 'size=1m,nr_inodes=4'],
    ] as const) {
      const disk = path.join(bench.folder, name);
      if (!(await smallDisk(t, disk, options))) return;
      const makeRoom = await fill(disk);
      const before = await readdir(disk);
      const refused = await bench.winnow('run', await bench.spec({ steps: 3 }), '--runs-dir', disk);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^Error: No space left to write .*\n {2}Free some space.*\n$/);
      assert.deepEqual(await readdir(disk), before);
      await makeRoom();
    }
  });
});
