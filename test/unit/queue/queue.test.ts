import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { allowedGpus, idOf, poolOf } from '../../../core/compute/queue/gpus';
import { settle } from '../../../core/compute/queue/settle';
import { startedWith } from '../../../core/compute/queue/local-queue';
import type { RunStatus } from '../../../core/experiments/run/status';
import { ownIdentity } from '../../../core/workers/process';
import {
  aheadOf,
  EMPTY,
  moved,
  turns,
  type Entry,
  type Move,
  type Pool,
  type QueueState,
} from '../../../core/workers/queue/state';
import { changeQueue, readQueue } from '../../../core/workers/queue/store';
import { queueWorker, reasonOf } from '../../../core/workers/queue/wait';
import { localWorker } from '../../../core/workers/worker';

const entry = (id: string, pool: Pool, more: Partial<Entry> = {}): Entry => ({
  ...{
    id,
    dir: `/runs/${id}`,
    name: id,
    provider: pool,
    pool,
    submitted: 0,
    since: null,
    node: 'node',
    worker: 'w.js',
  },
  ...{ holder: null, place: null, claims: 0 },
  ...more,
});
const statusOf = (more: Partial<RunStatus>): RunStatus => ({
  ...{ v: 2, state: 'queued', attempt: 1, worker: null, device: { provider: 'cpu', threads: 1 }, machine: null },
  ...{ heartbeat: 0, started: null, ended: null, worked: 0, reason: null },
  ...more,
});
/** A run with a place; this process is its worker. */
const running = (id: string, pool: Pool, place: string) => entry(id, pool, { place, holder: ownIdentity(), claims: 1 });
const GPUS = [
  { id: 'GPU-a', name: 'A' },
  { id: 'GPU-b', name: 'B' },
];
const queue = (entries: Entry[], more: Partial<QueueState> = {}): QueueState => ({ ...EMPTY, entries, ...more });
const given = (state: QueueState) => Object.fromEntries(turns(state));
const names = ({ entries }: QueueState) => entries.map(({ id }) => id).join(' ');

describe('whose turn it is', () => {
  it('gives each GPU one run, in order, and the CPU any number', () => {
    const waiting = ['1', '2', '3'].map((id) => entry(id, 'nvidia'));
    assert.deepEqual(given(queue([...waiting, entry('4', 'cpu'), entry('5', 'cpu')], { gpus: GPUS })), {
      '1': 'GPU-a',
      '2': 'GPU-b',
      '4': 'cpu',
      '5': 'cpu',
    });
    assert.deepEqual(given(queue([running('0', 'nvidia', 'GPU-a'), ...waiting], { gpus: GPUS })), { '1': 'GPU-b' });
    assert.deepEqual(given(queue(waiting)), { '1': 'cuda' }, 'GPUs that cannot be listed are one place');
    assert.deepEqual(given(queue([entry('1', 'gpu'), entry('2', 'gpu')])), { '1': 'gpu' });
  });

  it('respects limits', () => {
    const waiting = ['1', '2', '3'].map((id) => entry(id, 'cpu'));
    assert.deepEqual(given(queue(waiting, { limits: { cpu: 2 } })), { '1': 'cpu', '2': 'cpu' });
    assert.deepEqual(given(queue(waiting, { limits: { cpu: 0 } })), {});
    // More run than a limit that was set later allows.
    const busy = [running('8', 'cpu', 'cpu'), running('9', 'cpu', 'cpu')];
    assert.deepEqual(given(queue([...busy, ...waiting], { limits: { cpu: 1 } })), {});
    const four = ['1', '2', '3', '4', '5'].map((id) => entry(id, 'nvidia'));
    assert.deepEqual(given(queue(four, { gpus: GPUS, limits: { gpu: 2 } })), {
      '1': 'GPU-a',
      '2': 'GPU-b',
      '3': 'GPU-a',
      '4': 'GPU-b',
    });
  });

  it('does not give a run a GPU that its user has excluded, nor hold up the others for it', () => {
    const waiting = [entry('1', 'nvidia', { allowed: ['GPU-b'] }), entry('2', 'nvidia', { allowed: ['GPU-b'] })];
    assert.deepEqual(given(queue([...waiting, entry('3', 'nvidia')], { gpus: GPUS })), { '1': 'GPU-b', '3': 'GPU-a' });
  });

  it('counts a place whose process is gone as free', () => {
    const dead = { ...running('0', 'gpu', 'gpu'), holder: { ...ownIdentity(), start: 'another-boot:7' } };
    assert.deepEqual(given(queue([dead, entry('1', 'gpu')])), { '0': 'gpu' }, 'who had it comes first');
  });

  it('says what a run waits for', () => {
    const state = queue([running('0', 'gpu', 'gpu'), ...['1', '2', '3'].map((id) => entry(id, 'gpu'))]);
    assert.deepEqual(
      state.entries.slice(1).map((one) => reasonOf(state, one).message),
      ['next in line for the GPU', '1 run ahead in line for the GPU', '2 runs ahead in line for the GPU'],
    );
    const two = queue([entry('1', 'nvidia'), entry('2', 'cpu'), entry('3', 'nvidia')], { gpus: GPUS });
    assert.equal(reasonOf(two, two.entries[2]!).message, '1 run ahead in line for a GPU');
    assert.equal(aheadOf(two, '2'), 0);
  });
});

describe('the order of the queue', () => {
  const state = queue([
    running('r', 'gpu', 'gpu'),
    entry('a', 'gpu'),
    entry('x', 'cpu'),
    entry('b', 'gpu'),
    entry('c', 'gpu'),
  ]);
  const cases: [string, Move, string][] = [
    ['c', 'first', 'r c x a b'],
    ['a', 'last', 'r b x c a'],
    ['b', 'up', 'r b x a c'],
    ['b', 'down', 'r a x c b'],
    ['a', 'up', 'r a x b c'],
    ['c', 'down', 'r a x b c'],
    ['x', 'first', 'r a x b c'],
    ['r', 'last', 'r a x b c'],
    ['?', 'first', 'r a x b c'],
  ];
  for (const [id, to, expected] of cases)
    it(`moves ${id} ${to}`, () => {
      assert.equal(names(moved(state, id, to)), expected);
    });
});

describe('the GPUs of a run', () => {
  it('are those that CUDA_VISIBLE_DEVICES allows', () => {
    assert.equal(allowedGpus(undefined, GPUS), undefined);
    assert.equal(allowedGpus(' ', GPUS), undefined);
    assert.deepEqual(allowedGpus('1', GPUS), ['GPU-b']);
    assert.deepEqual(allowedGpus('GPU-b, GPU-a', GPUS), ['GPU-b', 'GPU-a']);
    assert.deepEqual(allowedGpus('MIG-1234', GPUS), ['MIG-1234']);
  });

  it('are shared by what computes on them', () => {
    assert.deepEqual(
      (['cpu', 'webgpu', 'cuda', 'coreml', 'dml', 'tensorflow'] as const).map((one) => poolOf(one, GPUS)),
      ['cpu', 'gpu', 'nvidia', 'gpu', 'gpu', 'nvidia'],
    );
    assert.equal(poolOf('tensorflow', []), 'cpu');
    assert.equal(idOf({ uuid: 'GPU-1', index: 3 }), 'GPU-1');
    assert.equal(idOf({ uuid: '[N/A]', index: 3 }), '3');
  });

  it('are what its worker is told', () => {
    const { CUDA_VISIBLE_DEVICES: visible, WINNOW_PLACE: place } = startedWith('/q', running('1', 'nvidia', 'GPU-b'));
    assert.equal(visible, 'GPU-b');
    assert.deepEqual(JSON.parse(place ?? ''), { folder: '/q', entry: '1', claim: 1 });
    assert.equal(startedWith('/q', running('1', 'nvidia', 'cuda')).CUDA_VISIBLE_DEVICES, undefined);
    assert.equal(startedWith('/q', running('1', 'cpu', 'cpu')).CUDA_VISIBLE_DEVICES, undefined);
  });
});

describe('what is over leaves the queue', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-runs-'));
  });
  after(() => rm(folder, { recursive: true }));
  const left = async (more: Partial<Entry>, status: Parameters<typeof statusOf>[0]) => {
    const dir = path.join(folder, 'run');
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir);
    await writeFile(path.join(dir, 'run.json'), '{}');
    await writeFile(path.join(dir, 'status.json'), JSON.stringify(statusOf(status)));
    const settled = await settle(queue([{ ...running('1', 'gpu', 'gpu'), since: 1_000, dir, ...more }]));
    return settled.entries.map(({ holder, place }) => [holder !== null, place]);
  };
  const gone = { ...ownIdentity(), start: 'another-boot:1' };
  const reused = { ...ownIdentity(), start: null };
  const queued = queueWorker('/q', '1');

  it('keeps its place while its process lives', async () => {
    assert.deepEqual(await left({}, { state: 'running' }), [[true, 'gpu']]);
    assert.deepEqual(await left({}, { state: 'done', ended: 2_000 }), [[true, 'gpu']], 'until it has ended');
  });

  it('loses it when the process is gone, and waits again if it had not started', async () => {
    assert.deepEqual(await left({ holder: gone }, { state: 'running' }), []);
    assert.deepEqual(await left({ holder: gone }, { state: 'done', ended: 2_000 }), []);
    assert.deepEqual(await left({ holder: gone }, { state: 'pending', worker: queued }), [[false, null]]);
    assert.deepEqual(
      await left({ holder: gone }, { state: 'pending', worker: queueWorker('/q', 'another') }),
      [],
      'it waits under another entry',
    );
    assert.deepEqual(
      await left({ holder: gone }, { state: 'running', worker: localWorker() }),
      [[true, 'gpu']],
      'its starter was killed, its worker lives',
    );
  });

  it('waits on with a status that cannot be read, but does not begin to wait because of it', async () => {
    const dir = path.join(folder, 'damaged');
    await mkdir(dir);
    for (const name of ['run.json', 'status.json']) await writeFile(path.join(dir, name), '');
    const over = { ...running('1', 'gpu', 'gpu'), dir, holder: gone };
    const settled = await settle(queue([over, entry('2', 'gpu', { dir })]));
    assert.deepEqual(names(settled), '2');
  });

  it('loses it where a process id may be that of another process, when the run has ended', async () => {
    const now = Date.now();
    assert.deepEqual(await left({ holder: reused }, { state: 'running', heartbeat: now }), [[true, 'gpu']]);
    assert.deepEqual(await left({ holder: reused }, { state: 'running', heartbeat: now - 300_000 }), []);
    assert.deepEqual(await left({ holder: reused }, { state: 'done', ended: 2_000 }), []);
    assert.deepEqual(await left({ holder: reused }, { state: 'stopped', ended: 500 }), [[true, 'gpu']], 'an older end');
  });
});

describe('the file of the queue', () => {
  let folder: string;
  beforeEach(async () => {
    folder = path.join(await mkdtemp(path.join(tmpdir(), 'winnow-queue-')), 'queue');
  });
  afterEach(() => rm(path.dirname(folder), { recursive: true }));
  const add = (id: string) =>
    changeQueue(folder, async (state) => {
      // Others come in between.
      await new Promise((resolve) => setImmediate(resolve));
      return [{ ...state, entries: [...state.entries, entry(id, 'cpu')] }, undefined];
    });
  const ids = () => readQueue(folder).state.entries.map(({ id }) => id);

  it('loses no change and makes none twice, however many come at once', async () => {
    const all = Array.from({ length: 40 }, (_, i) => String(i));
    await Promise.all(all.map(add));
    assert.deepEqual(ids().sort(), [...all].sort());
    assert.equal(readQueue(folder).version, 40);
    assert.ok((await readdir(folder)).length <= 9, 'older versions and unfinished ones are removed');
  });

  it('is not changed by who was frozen since, and has read a version that is long gone', async () => {
    await add('0');
    let first = true;
    await changeQueue(folder, async (state) => {
      if (first) for (let i = 1; i <= 20; i++) await add(String(i));
      first = false;
      return [{ ...state, entries: [...state.entries, entry('late', 'cpu')] }, undefined];
    });
    assert.equal(ids().length, 22);
    assert.equal(ids().at(-1), 'late');
  });

  it('goes back one version where the newest is damaged, and refuses one of a newer Winnow', async () => {
    await add('0');
    await add('1');
    await writeFile(path.join(folder, 'queue-3.json'), '{"v": 1, "entr');
    assert.deepEqual(ids(), ['0', '1']);
    await add('2');
    assert.deepEqual(ids(), ['0', '1', '2']);
    await writeFile(path.join(folder, 'queue-9.json'), '{"v": 2}');
    assert.throws(ids, /newer version/);
  });
});
