import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { annotate } from '../../../core/experiments/library/annotations';
import { sameStamp, stampOf } from '../../../core/experiments/library/run-stamp';
import { isReadable, RunStore, type ListedRun } from '../../../core/experiments/library/store';
import { createRunDirectory, runPaths, writeStatus } from '../../../core/experiments/run/directory';
import { EventWriter } from '../../../core/experiments/run/event-log';
import { readStatus, type RunStatus } from '../../../core/experiments/run/status';
import { localWorker } from '../../../core/workers/worker';
import { eventually } from '../../patience';
import { flip } from '../../bit-flip';
import { attempt, recordOf } from '../../fixtures/experiments/records';

/** Enough for an index. */
const RUNS = 250;

describe('the index of a large folder of runs', { concurrency: false }, () => {
  let root = '';
  let runs = '';
  let cache = '';
  const dirs: string[] = [];
  before(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'winnow-index-'));
    [runs, cache] = [path.join(root, 'runs'), path.join(root, 'cache')];
    for (let i = 0; i < RUNS; i++) {
      const dir = await createRunDirectory(runs, recordOf(Date.UTC(2026, 0, 1) + i * 60_000));
      await become(dir, { state: 'done', attempt: 1 });
      const events = new EventWriter(runPaths(dir).events, attempt(1));
      events.append({ type: 'progress', done: i, total: RUNS, unit: 'steps', rate: Infinity });
      events.append({ type: 'metrics', step: i, values: { loss: i === 7 ? NaN : i } });
      events.close();
      dirs.push(dir);
    }
    await settled(dirs.at(-1)!);
  });
  after(() => rm(root, { recursive: true, force: true }));

  const become = async (dir: string, change: Partial<RunStatus>) =>
    writeStatus(dir, { ...(await readStatus(runPaths(dir).status)), ...change });
  /** A stamp proves something only when a file has not changed for a while. */
  const settled = (dir: string) =>
    eventually('the times of its files to be old', async () => sameStamp(await stampOf(dir), await stampOf(dir)));
  const indexFile = async () =>
    path.join(
      cache,
      (await readdir(cache)).find((name) => name.endsWith('.jsonl'))!,
    );
  const list = () => new RunStore(runs, cache).list();
  /** What is true of the folder: without an index. */
  const truth = () => new RunStore(runs, path.join(root, `none-${Math.random()}`)).list();
  const isTrue = async () => {
    assert.deepEqual(await list(), await truth());
  };
  const stateOf = (found: readonly ListedRun[], dir: string) => found.find((run) => run.dir === dir)?.state;
  /** Replaces something in the index by as many bytes, with a checksum that fits: what only the index says. */
  const lie = async (from: string, to: string) => {
    assert.equal(from.length, to.length);
    const { crc32 } = await import('node:zlib');
    const lines = (await readFile(await indexFile(), 'utf8')).replaceAll(from, to).trimEnd().split('\n');
    const foot = JSON.parse(lines.pop()!) as { entries: number };
    const crc = lines.reduce((sum, line) => crc32(line, sum), 0);
    const text = [...lines, JSON.stringify({ ...foot, crc32: crc.toString(16).padStart(8, '0') })].join('\n');
    await writeFile(await indexFile(), `${text}\n`);
  };

  it('spares reading runs that have not changed, and lists the same, NaN and infinities included', async () => {
    const first = await list();
    assert.equal(first.length, RUNS);
    assert.ok((await stat(await indexFile())).size > 0);
    assert.deepEqual(await list(), first);
    await lie('"a run"', '"a lie"');
    const second = (await list()).filter(isReadable);
    assert.equal(second.filter(({ record }) => record.spec.name === 'a lie').length, RUNS, 'they come from the index');
    assert.ok(Number.isNaN(second.find(({ dir }) => dir === dirs[7])?.lastMetrics?.values.loss));
    assert.equal(second[0]?.lastProgress?.rate, Infinity);
    await lie('"a lie"', '"a run"');
    await isTrue();
  });

  it('is not believed about a run whose files have changed, whatever their times and sizes say', async () => {
    const [changed, annotated, copied, replaced, gone, renamed] = dirs as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    await become(changed, { state: 'stopped' });
    await annotate(annotated, { starred: true });
    // Written over in place by a program that keeps size and time.
    const { status } = runPaths(copied);
    const { mtime, size } = await stat(status);
    const text = (await readFile(status, 'utf8')).replace('"state": "done"', '"state":"failed"').slice(0, size);
    await writeFile(status, text.padEnd(size));
    await utimes(status, mtime, mtime);
    // Another run in its place, with the times of this one.
    const elsewhere = path.join(root, 'elsewhere');
    await cp(replaced, elsewhere, { recursive: true, preserveTimestamps: true });
    await become(elsewhere, { state: 'failed' });
    await rm(replaced, { recursive: true });
    await rename(elsewhere, replaced);
    await rm(gone, { recursive: true });
    await rename(renamed, path.join(runs, 'another name'));
    const found = await list();
    assert.equal(stateOf(found, changed), 'stopped');
    assert.equal(stateOf(found, copied), 'failed');
    assert.equal(stateOf(found, replaced), 'failed');
    assert.equal(stateOf(found, gone), undefined);
    assert.equal(found.filter((run) => isReadable(run) && run.annotations.starred).length, 1);
    assert.equal(found.length, RUNS - 1);
    await isTrue();
  });

  it('never keeps the state of a run that is underway: the death of its worker changes no file', async () => {
    const dir = dirs[10]!;
    await become(dir, { state: 'running', worker: localWorker() });
    await settled(dir);
    assert.equal(stateOf(await list(), dir), 'running');
    assert.doesNotMatch(await readFile(await indexFile(), 'utf8'), /"state":"running"/);
    await become(dir, { state: 'done' });
    assert.equal(stateOf(await list(), dir), 'done');
  });

  it('is made again when it is deleted, cut off or damaged by one bit, or is that of another folder', async () => {
    await list();
    const file = await indexFile();
    const whole = await readFile(file);
    await rm(file);
    await isTrue();
    for (const length of [0, 1, whole.length >> 1, whole.length - 1, whole.lastIndexOf(0x0a, -2) + 1]) {
      await writeFile(file, whole.subarray(0, length));
      await isTrue();
    }
    for (const place of [0, 0.001, 0.3, 0.5, 0.7, 0.9, 0.9999]) {
      await writeFile(file, whole);
      await flip(cache, { file: path.basename(file), place, bit: 1 });
      await isTrue();
    }
    const other = path.join(root, 'moved');
    await rename(runs, other);
    const moved = await new RunStore(other, cache).list();
    assert.ok(moved.every(({ dir }) => path.dirname(dir) === other));
    await rename(other, runs);
    await isTrue();
  });

  it('is whole when several write it at the same time', async () => {
    await rm(cache, { recursive: true });
    const all = await Promise.all(Array.from({ length: 4 }, list));
    for (const one of all) assert.deepEqual(one, all[0]);
    assert.equal((await readdir(cache)).length, 1, 'nothing unfinished is left');
    await isTrue();
  });
});
