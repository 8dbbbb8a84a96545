import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeMember } from '../../fixtures/models';

const CLI = path.resolve('dist', 'cli.js');

describe('keeping runs in order on the command line', () => {
  let folder = '';
  const winnow = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { cwd: folder, encoding: 'utf8' });
  const json = (...args: string[]) => {
    const { status, stdout, stderr } = winnow(...args, '--json');
    assert.equal(status, 0, stdout + stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const failure = (...args: string[]) => {
    const { status, stdout } = winnow(...args, '--json');
    assert.notEqual(status, 0);
    return (JSON.parse(stdout) as { error: { code: string; hint: string } }).error;
  };
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-keeping-'));
    for (const name of ['one', 'two'])
      await cp(path.resolve('test', 'fixtures', 'plrd-family'), path.join(folder, 'runs', name), { recursive: true });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('annotate names, notes, tags and stars a run, and leaves run.json as it is', async () => {
    const record = await readFile(path.join(folder, 'runs', 'one', 'run.json'), 'utf8');
    const run = json('annotate', 'one', '--name', 'mine', '--note', 'why', '--tag', 'a', '--tag', 'b', '--star');
    assert.deepEqual([run.name, run.note, run.tags, run.starred], ['mine', 'why', ['a', 'b'], true]);
    const changed = json('annotate', 'one', '--untag', 'a', '--unstar', '--name', '');
    assert.deepEqual([changed.name, changed.tags, changed.starred], ['family', ['b'], false]);
    assert.equal(await readFile(path.join(folder, 'runs', 'one', 'run.json'), 'utf8'), record);
    assert.equal(failure('annotate', 'one').code, 'annotation.none');
  });

  it('two copies of a run are told apart by their folders', () => {
    const { stdout } = winnow('list');
    assert.deepEqual(stdout.match(/^\w+/gm)?.sort(), ['one', 'two'], stdout);
    assert.match(winnow('annotate', 'two', '--star').stdout, /The run two is annotated/);
  });

  it('compare shows runs side by side, as a table and in the formats of papers', () => {
    assert.match(winnow('compare', 'one', 'two').stdout, /heldOut\/perplexity/);
    const { columns, runs } = json('compare') as { columns: { key: string }[]; runs: { values: object }[] };
    assert.equal(runs.length, 2);
    assert.ok(columns.some(({ key }) => key === 'Settings.parent'));
    assert.match(winnow('compare', '--format', 'latex').stdout, /\\begin\{tabular\}/);
    assert.match(winnow('compare', '--format', 'csv').stdout, /^run,/);
  });

  it('delete moves runs to the trash, and restore takes them back', async () => {
    assert.deepEqual(json('delete', 'two').deleted, ['two']);
    assert.ok(!(await readdir(path.join(folder, 'runs'))).includes('two'));
    assert.deepEqual(json('restore').trash, ['two']);
    json('restore', 'two');
    assert.ok((await readdir(path.join(folder, 'runs'))).includes('two'));
    assert.equal(failure('restore', 'two').code, 'run.not-found');
    assert.equal(failure('delete').code, 'run.not-found');
  });

  it('branch writes a spec that goes on from a checkpoint, and overwrites nothing', async () => {
    const checkpoint = path.join('runs', 'one', 'checkpoints', 'member-50');
    await writeMember(path.join(folder, checkpoint), 0.7);
    assert.equal(json('branch', checkpoint, 'next').method, 'plrd');
    const text = await readFile(path.join(folder, 'next.winnow.json'), 'utf8');
    assert.match(text, new RegExp(`"parent": "runs/one/checkpoints/member-50"`));
    assert.equal(winnow('validate', 'next.winnow.json').status, 0);
    assert.equal(winnow('plan', 'next.winnow.json').status, 0);
    json('branch', checkpoint, 'fresh', '--fresh', '--set', 'tokensPerStep=5', '--method', 'plrd');
    assert.match(await readFile(path.join(folder, 'fresh.winnow.json'), 'utf8'), /"tokensPerStep": 5$/m);
    assert.equal(failure('branch', checkpoint, 'next').code, 'branch.exists');
    assert.equal(failure('branch', 'nowhere', 'other').code, 'model.not-found');
    assert.equal(failure('branch', checkpoint, 'other', '--method', 'pretrain').code, 'branch.no-model');
    assert.equal(failure('branch', checkpoint, 'other', '--method', 'skipvit').code, 'branch.other-kind');
  });
});
