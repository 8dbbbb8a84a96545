import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { choose } from '../../../core/compute/chosen';
import { FETCH_LIMIT, parseLimit, type Fetches } from '../../../core/compute/fetch-rule';
import { addRemote, readRemotes, setFetches } from '../../../core/compute/remotes';
import { UserError } from '../../../core/errors';

const hasCode = (code: string) => (error: unknown) => error instanceof UserError && error.code === code;

const one = (name: string, step: number | null, metrics: Record<string, number> = {}, kind = 'model') => ({
  name,
  kind,
  step,
  metrics,
});

describe('which checkpoints are fetched by themselves', () => {
  const names = (which: Exclude<Fetches, 'asked'>, ...all: ReturnType<typeof one>[]) =>
    choose(all, which).map(({ name }) => name);

  it('the best is that of the metric that lists show, lower or higher as its name says', () => {
    const program = [
      one('checkpoint-10', 10, { 'train/loss': 0.1, 'eval/loss': 2 }),
      one('checkpoint-20', 20, { 'train/loss': 0.05, 'eval/loss': 1 }),
      one('checkpoint-30', 30, { 'train/loss': 0.01, 'eval/loss': NaN }),
      one('checkpoint-35', 35, { 'train/loss': 0.01, 'eval/loss': -Infinity }),
      one('checkpoint-40', 40, { 'train/loss': 0.001 }),
      one('last', 41, { 'eval/loss': 0 }, 'training'),
    ];
    assert.deepEqual(names('best', ...program), ['checkpoint-20']);
    assert.deepEqual(
      names('best', one('a', 1, { 'test/accuracy': 0.7, loss: 1 }), one('b', 2, { 'test/accuracy': 0.9, loss: 2 })),
      ['b'],
    );
    assert.deepEqual(names('best', one('final', 5)), ['final'], 'the only one is the best');
    assert.deepEqual(names('best'), []);
  });

  it('where nothing says which one is the best or the last, none is guessed', () => {
    for (const all of [
      [one('a', 1), one('b', 2)],
      [one('a', 1, { altitude: 3 }), one('b', 2, { altitude: 4 })],
      [one('a', 1, { loss: NaN }), one('b', 2, { loss: NaN })],
    ])
      assert.throws(() => choose(all, 'best'), hasCode('fetch.no-best'));
    assert.throws(() => choose([one('a', null), one('b', null)], 'last'), hasCode('fetch.no-last'));
    assert.throws(() => choose([one('step-100', 100), one('final', null)], 'last'), hasCode('fetch.no-last'));
  });

  it('the last are all models of the last step; models are all but what training resumes from', () => {
    const family = [one('full', 500), one('half', 500), one('early', 100), one('last', 500, {}, 'training')];
    assert.deepEqual(names('last', ...family), ['full', 'half']);
    assert.deepEqual(names('models', ...family), ['full', 'half', 'early']);
    assert.deepEqual(names('all', ...family), ['full', 'half', 'early', 'last']);
    assert.deepEqual(names('last', one('early', 100), one('last', 120, {}, 'training')), ['last']);
  });

  it('a limit is a size as sizes are shown', () => {
    assert.deepEqual(['500MB', '20 GB', '1.5t', '12', '3kb'].map(parseLimit), [500e6, 20e9, 1.5e12, 12, 3000]);
    for (const text of ['', '0', 'GB', '-1GB', '1 parsec', '1e9', 'NaN', '1GBB'])
      assert.throws(() => parseLimit(text), hasCode('remote.invalid'), text);
  });
});

describe('what a remote fetches', () => {
  let folder = '';
  const before_ = process.env.WINNOW_REMOTES;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-rule-'));
    process.env.WINNOW_REMOTES = path.join(folder, 'remotes.json');
  });
  after(async () => {
    if (before_ === undefined) delete process.env.WINNOW_REMOTES;
    else process.env.WINNOW_REMOTES = before_;
    await rm(folder, { recursive: true, force: true });
  });

  it('is nothing until it is set, and can be changed without losing the rest', async () => {
    await addRemote('box', { host: 'gpu', setup: ['module load cuda'] });
    await addRemote('other', { host: 'gpu-2' });
    const [box, other] = await readRemotes();
    assert.deepEqual(box!.fetch, { which: 'asked', limit: FETCH_LIMIT });
    await setFetches('box', { which: 'best' });
    await setFetches('box', { limit: 1e9 });
    assert.deepEqual(await readRemotes(), [{ ...box!, fetch: { which: 'best', limit: 1e9 } }, other]);
    await assert.rejects(setFetches('none', { which: 'all' }), hasCode('remote.unknown'));
    assert.doesNotMatch(await readFile(process.env.WINNOW_REMOTES!, 'utf8'), /"name"/);
  });
});
