import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { annotate } from '../../../core/experiments/library/annotations';
import { PROVIDERS } from '../../../core/engine/runtime/runtime';
import { firstSpec } from '../../../core/methods/first-run';
import { embeddedParent } from '../../../core/models/embedded';

const CLI = path.resolve('dist', 'cli.js');
const winnow = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });

const Failure = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string() }) });

describe('winnow sample', () => {
  const sample = (...args: string[]) => winnow('sample', embeddedParent(), '--tokens', '24', ...args);
  const Text = z.object({ prompt: z.string(), text: z.string(), seed: z.number() });

  it('continues a prompt: the same seed gives the same text, another one another', () => {
    const write = (seed: string) => {
      const { status, stdout, stderr } = sample('--prompt', 'The Congress', '--seed', seed, '--json');
      assert.equal(status, 0, stderr);
      return Text.parse(JSON.parse(stdout)).text;
    };
    const first = write('1');
    assert.ok(first.length > 20, first);
    assert.equal(write('1'), first);
    assert.notEqual(write('2'), first);
  });

  it('prints the prompt and what follows, and begins a document without one', () => {
    const { stdout } = sample('--prompt', 'The Congress');
    assert.match(stdout, /^The Congress\S* \S+/);
    assert.match(sample().stdout, /\S+ \S+ \S+/);
  });

  it('refuses numbers that make no sense with exit code 2', () => {
    for (const [option, value] of [
      ['--temperature', '-1'],
      ['--tokens', '0'],
      ['--top-p', 'all'],
      ['--seed', '1.5'],
    ] as const) {
      const { status, stderr } = sample(option, value);
      assert.equal(status, 2, `${option} ${value}`);
      assert.match(stderr, /number from/);
    }
  });

  it('says what is wrong with a checkpoint that is none, and with a prompt that is too long', () => {
    const missing = winnow('sample', 'no-such-folder', '--json');
    assert.equal(missing.status, 1);
    assert.match(Failure.parse(JSON.parse(missing.stdout)).error.message, /no-such-folder/);
    const long = sample('--prompt', 'word '.repeat(600), '--json');
    assert.equal(long.status, 1);
    assert.equal(Failure.parse(JSON.parse(long.stdout)).error.code, 'sample.prompt-too-long');
  });
});

describe('winnow list', () => {
  let runsDir = '';
  before(async () => {
    runsDir = await mkdtemp(path.join(tmpdir(), 'winnow-list-'));
    for (const name of ['one', 'two', 'three'])
      await cp(path.resolve('test', 'fixtures', 'plrd-family'), path.join(runsDir, name), { recursive: true });
    await annotate(path.join(runsDir, 'two'), { name: 'the best', tags: ['paper'], starred: true });
    await annotate(path.join(runsDir, 'three'), { tags: ['other'] });
  });
  after(() => rm(runsDir, { recursive: true, force: true }));
  const listed = (...args: string[]) => {
    const { status, stdout, stderr } = winnow('list', '--json', '--runs-dir', runsDir, ...args);
    assert.equal(status, 0, stderr);
    return z.object({ runs: z.array(z.object({ dir: z.string() })) }).parse(JSON.parse(stdout)).runs;
  };
  const names = (...args: string[]) =>
    listed(...args)
      .map(({ dir }) => path.basename(dir))
      .sort();

  it('shows the runs that are asked for', () => {
    assert.deepEqual(names(), ['one', 'three', 'two']);
    assert.deepEqual(names('best', 'THE'), ['two']);
    assert.deepEqual(names('--tag', 'paper', '--tag', 'other'), ['three', 'two']);
    assert.deepEqual(names('--starred'), ['two']);
    assert.deepEqual(names('--state', 'failed', '--state', 'lost'), []);
    assert.deepEqual(names('--method', 'plrd', '--starred'), ['two']);
    assert.equal(names('--limit', '2').length, 2);
    assert.match(winnow('list', 'nothing', '--runs-dir', runsDir).stdout, /None of the 3 runs in .* matches\./);
  });

  it('refuses states and numbers that are none with exit code 2', () => {
    const state = winnow('list', '--state', 'finished', '--runs-dir', runsDir);
    assert.equal(state.status, 2);
    assert.match(state.stderr, /one of .*running.*done/);
    assert.equal(winnow('list', '--limit', '0', '--runs-dir', runsDir).status, 2);
  });
});

describe('winnow devices', () => {
  it('answers for every provider; the processor is always there', () => {
    const { status, stdout, stderr } = winnow('devices', '--json');
    assert.equal(status, 0, stderr);
    const Devices = z.object({
      devices: z.array(z.object({ provider: z.string(), available: z.boolean(), reason: z.string().optional() })),
    });
    const { devices } = Devices.parse(JSON.parse(stdout));
    assert.deepEqual(
      devices.map(({ provider }) => provider),
      [...PROVIDERS],
    );
    assert.ok(devices.find(({ provider }) => provider === 'cpu')?.available);
    for (const { available, reason } of devices) assert.ok(available || (reason ?? '').length > 10);
  });
});

describe('the shipped specs', () => {
  const root = path.resolve('core', 'methods');
  it('winnow start runs one of them', () => {
    assert.equal(firstSpec(), path.join(root, 'plrd', 'family.winnow.json'));
  });
  for (const spec of ['plrd/family.winnow.json', 'pretrain/embedded.winnow.json', 'pretrain/encoder.winnow.json'])
    it(`${spec} is valid and can be planned`, () => {
      const { status, stdout, stderr } = winnow('plan', path.join(root, spec), '--json');
      assert.equal(status, 0, stderr);
      const { plan } = z
        .object({ plan: z.object({ stages: z.array(z.string()), seconds: z.number() }) })
        .parse(JSON.parse(stdout));
      assert.ok(plan.stages.length > 2 && plan.seconds > 1);
    });
});
