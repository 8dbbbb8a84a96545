import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readRun } from '../../../core/experiments/library/store';
import { curve, Programs } from '../command/programs';

const CLI = path.resolve('dist', 'cli.js');
const skip = process.platform === 'win32' && 'Windows has other pipes, and no SIGHUP';

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

describe('a command whose reader goes away', { skip }, () => {
  let programs: Programs;
  before(async () => {
    programs = await Programs.open();
    // Steps until the file `enough` is there, and how many they were.
    await programs.program('slow', [
      "const { existsSync, writeFileSync } = require('node:fs');",
      'let step = 0;',
      'const tick = () => {',
      '  console.log(`step ${++step} loss ${1 / step}`);',
      "  if (existsSync('enough')) writeFileSync('steps', String(step));",
      '  else setTimeout(tick, 50);',
      '};',
      'tick();',
    ]);
    for (let run = 0; run < 3; run++)
      await cp(path.resolve('test', 'fixtures', 'plrd-family'), programs.file('kept', `run-${run}`), {
        recursive: true,
      });
  });
  after(async () => {
    await programs.close();
  });

  const start = (args: readonly string[], stdio: 'ignore' | 'pipe' = 'pipe') =>
    spawn(process.execPath, [CLI, ...args], {
      cwd: programs.folder,
      stdio: ['ignore', 'pipe', stdio],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    });

  async function end(child: ChildProcess): Promise<Ended> {
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal, stderr };
  }

  /** The reader is gone before the first byte. */
  const unread = (...args: string[]) => {
    const child = start(args);
    child.stdout?.destroy();
    return end(child);
  };

  const kept = ['--runs-dir', 'kept'];
  for (const args of [
    ['--help'],
    ['list', ...kept],
    ['list', '--json', ...kept],
    ['show', 'run-1', ...kept],
    ['compare', '--format', 'csv', ...kept],
    ['methods'],
    ['schema'],
    ['devices'],
    ['validate', 'slow.winnow.json'],
    ['plan', 'slow.winnow.json'],
  ])
    it(`${args.join(' ')}: nothing on standard error, and the exit code of a closed pipe`, async () => {
      assert.deepEqual(await unread(...args), { code: 141, signal: null, stderr: '' });
    });

  it('an error is still an error, and what changes something has changed it', async () => {
    const { code, stderr } = await unread('show', 'nothing', ...kept);
    assert.equal(code, 1);
    assert.match(stderr, /There is no run "nothing"/);
    assert.equal((await unread('annotate', 'run-0', '--note', 'read', ...kept)).code, 141);
    assert.equal((await unread('delete', 'run-1', 'run-2', ...kept)).code, 141);
    const { runs } = JSON.parse(programs.winnow('list', '--json', ...kept).stdout) as { runs: { note: string }[] };
    assert.deepEqual(
      runs.map(({ note }) => note),
      ['read'],
    );
  });

  it('a standard error that is closed as well changes nothing', async () => {
    const child = start(['show', 'nothing', ...kept]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    assert.equal((await end(child)).code, 1);
  });

  /** Starts the program with a `winnow run` that follows it, and waits until it is at work. */
  async function follow(): Promise<{ child: ChildProcess; dir: string }> {
    await rm(programs.file('enough'), { force: true });
    const before = new Set(ids());
    const child = start(['run', 'slow.winnow.json']);
    child.stdout?.resume();
    const id = await programs.until('a new run', () => Promise.resolve(ids().find((one) => !before.has(one))));
    const dir = programs.file('runs', id);
    await programs.until('its first numbers', async () => curve(await readRun(dir), 'loss').length > 0);
    return { child, dir };
  }
  const ids = () => {
    const { runs } = JSON.parse(programs.winnow('list', '--json').stdout) as { runs: { id: string }[] };
    return runs.map((run) => run.id);
  };
  /** Lets the run of a follower that has gone end, and looks whether all of it is there. */
  async function whole(dir: string): Promise<void> {
    assert.equal((await readRun(dir)).state, 'running');
    await writeFile(programs.file('enough'), '');
    const run = await programs.until('the end of the run', async () => {
      const now = await readRun(dir);
      return now.state !== 'running' && now;
    });
    assert.equal(run.state, 'done', run.status.reason?.message);
    assert.equal(curve(run, 'loss').length, Number(await programs.text('steps')));
  }

  it('winnow run leaves, and its run goes on to the end', async () => {
    const { child, dir } = await follow();
    child.stdout?.destroy();
    assert.deepEqual(await end(child), { code: 141, signal: null, stderr: '' });
    await whole(dir);
  });

  it('winnow run of a terminal that was closed leaves, and its run goes on to the end', async () => {
    const { child, dir } = await follow();
    child.kill('SIGHUP');
    const { signal, stderr } = await end(child);
    assert.deepEqual([signal, stderr], ['SIGHUP', '']);
    await whole(dir);
  });
});
