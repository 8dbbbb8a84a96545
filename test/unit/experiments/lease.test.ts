import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EventWriter, readEvents, readLastEvents } from '../../../core/experiments/run/event-log';
import { START } from '../../../core/experiments/run/line-log';
import type { StoredEvent } from '../../../core/protocol/events';
import { Lease, LeaseLost } from '../../../core/experiments/run/lease';
import { clearUnfinished, mendRun } from '../../../core/experiments/run/mend';
import { ownIdentity } from '../../../core/workers/process';
import { localWorker } from '../../../core/workers/worker';
import { createRunDirectory, runPaths, writeStatus } from '../../../core/experiments/run/directory';
import { readStatus } from '../../../core/experiments/run/status';
import { StatusKeeper } from '../../../core/experiments/run/status-keeper';
import { remove, writeFileAtomic, writeFolderAtomic } from '../../../core/files';
import { attempt, recordOf } from '../../fixtures/experiments/records';

const NOBODY = { heartbeat: 0, attempt: 0, worker: null };

describe('the lease of a run', () => {
  let folder: string;
  let dir: string;
  let lease: Lease;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-lease-'));
    dir = await createRunDirectory(folder, recordOf(1));
    lease = await Lease.take(dir, NOBODY);
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** What another process does that takes this one for dead: on a host whose clock and names are others. */
  const takeOver = async () => {
    const elsewhere = { ...ownIdentity(), host: 'elsewhere' };
    await writeFile(path.join(dir, `worker-${lease.attempt}.lock`), JSON.stringify({ holder: elsewhere }));
    renameSync(path.join(dir, 'worker-1.lock'), path.join(dir, 'worker-2.lock'));
    for (const place of [dir, runPaths(dir).checkpoints, runPaths(dir).artifacts])
      for (const name of await readdir(place))
        if (name.startsWith('.partial-')) rmSync(path.join(place, name), { recursive: true });
  };
  const lost = (error: unknown) => error instanceof LeaseLost && error.message.includes('Attempt 2 has taken over');
  const content = async () => (await readdir(dir, { recursive: true })).sort();

  it('lets its holder write, and after another has taken over nothing more, whoever writes', async () => {
    const paths = runPaths(dir);
    const file = path.join(paths.artifacts, 'table.json');
    const checkpoint = path.join(paths.checkpoints, 'last');
    await writeFileAtomic(file, 'old');
    await writeFolderAtomic(checkpoint, (partial) => writeFile(path.join(partial, 'weights'), 'old'));
    const events = new EventWriter(paths.events, lease);
    events.append({ type: 'note', text: 'old' });
    const status = new StatusKeeper(lease, await readStatus(paths.status));
    await status.update();
    const seen = await readFile(paths.status, 'utf8');

    await takeOver();
    const before = await content();
    await assert.rejects(writeFileAtomic(file, 'late'), lost);
    await assert.rejects(
      writeFolderAtomic(checkpoint, (partial) => writeFile(path.join(partial, 'weights'), 'late')),
      lost,
    );
    await assert.rejects(remove(checkpoint), lost);
    await assert.rejects(status.update({ state: 'stopping' }), lost);
    await assert.rejects(status.end({ state: 'done' }), lost);
    await assert.rejects(writeStatus(dir, await readStatus(paths.status)), lost);
    await assert.rejects(
      mendRun(lease).then(() => writeFileAtomic(file, 'late')),
      lost,
    );
    assert.throws(() => {
      events.append({ type: 'note', text: 'late' });
    }, lost);
    await lease.release();
    assert.deepEqual(await content(), before);
    assert.equal(await readFile(file, 'utf8'), 'old');
    assert.equal(await readFile(path.join(checkpoint, 'weights'), 'utf8'), 'old');
    assert.equal(await readFile(paths.status, 'utf8'), seen);
    assert.equal((await readEvents(paths.events)).events.length, 1);
  });

  it('taken over in the middle of a write: what was half-written does not take its place', async () => {
    const checkpoint = path.join(runPaths(dir).checkpoints, 'last');
    await writeFolderAtomic(checkpoint, (partial) => writeFile(path.join(partial, 'weights'), 'old'));
    await assert.rejects(
      writeFolderAtomic(checkpoint, async (partial) => {
        await writeFile(path.join(partial, 'weights'), 'late');
        await takeOver();
        assert.ok(!existsSync(partial), 'the new holder removes what is unfinished');
      }),
    );
    assert.deepEqual(await readdir(runPaths(dir).checkpoints), ['last']);
    assert.equal(await readFile(path.join(checkpoint, 'weights'), 'utf8'), 'old');
    const file = path.join(dir, 'a-file');
    async function* pieces() {
      yield Buffer.from('la');
      await takeOver().catch(() => undefined);
      yield Buffer.from('te');
    }
    await assert.rejects(writeFileAtomic(file, pieces()), lost);
    assert.ok(!existsSync(file));
  });

  it('does not hold others back outside of its run, nor after its end', async () => {
    await takeOver();
    await writeFileAtomic(path.join(folder, 'beside'), 'fine');
    await writeFileAtomic(`${dir}-beside`, 'fine');
    await assert.rejects(writeFileAtomic(path.join(dir, 'inside'), 'not'), lost);
    await lease.release();
    await writeFileAtomic(path.join(dir, 'inside'), 'fine');
    await clearUnfinished({ dir });
  });

  it('counts on from what the status knows, where the lock files are gone', async () => {
    await rm(path.join(dir, 'worker-1.lock'));
    const next = await Lease.take(dir, { heartbeat: 0, attempt: 6, worker: null });
    assert.equal(next.attempt, 7);
    const worker = localWorker();
    await writeFile(path.join(dir, 'worker-7.lock'), 'torn');
    await assert.rejects(Lease.take(dir, { heartbeat: 0, attempt: 7, worker }), { code: 'run.busy' });
    assert.equal((await Lease.take(dir, { heartbeat: 0, attempt: 7, worker: null })).attempt, 8);
  });

  it('readers leave out what an old worker wrote at the last moment, and say so', async () => {
    const file = path.join(folder, 'events.jsonl');
    const [first, second] = [new EventWriter(file, attempt(1)), new EventWriter(file, attempt(2))];
    first.append({ type: 'metrics', step: 1, values: { loss: 1 } });
    second.append({ type: 'metrics', step: 1, values: { loss: 1 } });
    const position = await readEvents(file);
    const losses = (events: readonly StoredEvent[]) =>
      events.map((event) => event.type === 'metrics' && event.values.loss);
    first.append({ type: 'metrics', step: 2, values: { loss: 99 } });
    second.append({ type: 'metrics', step: 2, values: { loss: 2 } });
    for (const from of [START, position]) {
      const { events, problems } = await readEvents(file, from);
      assert.ok(!losses(events).includes(99));
      assert.deepEqual(
        problems.map(({ line, text }) => [line, text.slice(text.indexOf('written'))]),
        [[3, 'written by attempt 1 after attempt 2 had taken over.']],
      );
    }
    assert.ok(!losses(await readLastEvents(file)).includes(99));
    first.close();
    second.close();
  });
});
