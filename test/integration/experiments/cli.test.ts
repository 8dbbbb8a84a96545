import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { at, finished, poll, Workbench } from './workbench';

const codeOf = (value: unknown) => at(value, 'error', 'code');

describe('the command line', () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => {
    await bench.close();
  });

  it('shows its help without arguments, and tells wrong usage by exit code 2', async () => {
    const help = await bench.winnow();
    assert.equal(help.code, 0);
    for (const command of ['run', 'plan', 'list', 'show', 'logs', 'stop', 'resume', 'rerun', 'validate', 'schema'])
      assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
    for (const line of help.stdout.split('\n')) assert.ok(line.length <= 80, line);
    assert.equal((await bench.winnow('--help')).code, 0);
    const typo = await bench.winnow('lsit');
    assert.equal(typo.code, 2);
    assert.match(typo.stderr, /Did you mean list/);
    assert.equal((await bench.winnow('run')).code, 2);
    assert.equal(codeOf(await bench.json(2, 'list', '--colour')), 'cli.usage');
  });

  it('runs a spec: progress in lines of at most 80 columns, then list, show and logs', async () => {
    const run = await bench.winnow(
      'run',
      await bench.spec({ steps: 12, name: 'first', tags: ['a'], notes: 'why not' }),
    );
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /Iterating\n/);
    assert.match(run.stdout, /checkpoint step-000010/);
    assert.match(run.stdout, /12\/12 steps/);
    assert.match(run.stdout, /^Done after /m);
    assert.ok(!run.stdout.includes('\u001b'));

    const list = await bench.winnow('list');
    assert.equal(list.code, 0);
    assert.match(list.stdout, /^\d{8}-\d{6}-arithmetic-\w{4} +done +first +value 0\.\d+/);
    for (const line of list.stdout.split('\n')) assert.ok(line.length <= 80, line);

    const show = await bench.winnow('show', 'latest');
    for (const text of [/state +done/, /iterate +step 12 +value/, /step-000010 +step 10/, /result\.json/, /why not/])
      assert.match(show.stdout, text);
    assert.match((await bench.winnow('logs', 'latest')).stdout, /^from step 0\n/);
    assert.match((await bench.winnow('logs', 'latest', '--follow')).stdout, /^from step 0\n/);
  });

  it('answers in JSON with stable keys', async () => {
    const spec = await bench.spec({ steps: 3 });
    const run = await bench.json(0, 'run', spec, '--set', 'seed=4');
    assert.deepEqual(Object.keys(run), [
      ...['id', 'name', 'method', 'state', 'dir', 'seed', 'device', 'note', 'tags', 'starred'],
      ...['created', 'started', 'ended', 'seconds', 'attempt', 'reason', 'metrics', 'progress'],
    ]);
    assert.equal(run.seed, 4);
    assert.equal(at(run, 'metrics', 'values', 'diverged'), 'NaN');
    const { runs } = await bench.json(0, 'list');
    assert.deepEqual(Array.isArray(runs) && runs[0], run);
    const shown = await bench.json(0, 'show', String(run.id).slice(-4));
    for (const key of [
      ...Object.keys(run),
      'record',
      'phases',
      'checkpoints',
      'artifacts',
      'notes',
      'problems',
      'results',
    ])
      assert.ok(key in shown, key);
    assert.deepEqual(Object.keys(Object(shown.record) as object).sort(), [
      ...['baseDir', 'created', 'fingerprints', 'git', 'id', 'parents'],
      ...['spec', 'specFile', 'target', 'v', 'winnow'],
    ]);
    // What the worker says of where it ran.
    assert.deepEqual(Object.keys(Object(shown.machine) as object).sort(), [
      ...['cores', 'cpu', 'host', 'node', 'onnxruntime', 'platform', 'winnow'],
    ]);
    assert.deepEqual(Object.keys(await bench.json(0, 'plan', spec)), ['spec', 'plan', 'renamed']);
    assert.equal((await bench.json(0, 'validate', spec)).valid, true);
    assert.equal((await bench.json(0, 'schema')).title, 'Winnow spec');
    assert.deepEqual(await bench.json(0, 'logs', 'latest'), { text: 'from step 0\n' });
  });

  it('explains mistakes with exit code 1', async () => {
    const typo = await bench.winnow('run', await bench.spec({ stpes: 3 }, 'typo'));
    assert.equal(typo.code, 1);
    assert.match(typo.stderr, /typo\.winnow\.json:1:\d+: unknown key "stpes"\.\n {2}Did you mean "steps"\?/);
    assert.equal(
      codeOf(await bench.json(1, 'validate', path.join(bench.folder, 'typo.winnow.json'))),
      'spec.unknown-key',
    );
    assert.equal(codeOf(await bench.json(1, 'run', 'none.winnow.json')), 'spec.unreadable');
    assert.equal(codeOf(await bench.json(1, 'show', 'nothing')), 'run.not-found');
    assert.equal(codeOf(await bench.json(1, 'stop', 'latest')), 'run.not-running');
    assert.equal(codeOf(await bench.json(1, 'resume', 'latest')), 'run.finished');
    const noInput = await bench.spec({ input: 'none.txt' }, 'no-input');
    const before = (await bench.json(0, 'list')).runs;
    assert.equal(codeOf(await bench.json(1, 'plan', noInput)), 'arithmetic.no-input');
    assert.equal(codeOf(await bench.json(1, 'run', noInput)), 'arithmetic.no-input');
    assert.deepEqual((await bench.json(0, 'list')).runs, before);
  });

  it('inspects a safetensors file, and explains what is none', async () => {
    const header = Buffer.from('{"layer.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const file = path.join(bench.folder, 'tiny.safetensors');
    await writeFile(file, Buffer.concat([length, header, Buffer.alloc(24)]));
    const summary = await bench.json(0, 'inspect', file);
    assert.equal(summary.parameters, 6);
    assert.match((await bench.winnow('inspect', file)).stdout, /layer/);
    await writeFile(file, 'rubbish');
    assert.match(String(codeOf(await bench.json(1, 'inspect', file))), /^[a-z]+\.[a-z-]+$/);
    assert.match(String(codeOf(await bench.json(1, 'inspect', 'nowhere'))), /^[a-z]+\.[a-z-]+$/);
  });

  it('refuses to repeat a run over changed data, unless told to', async () => {
    const input = path.join(bench.folder, 'input.txt');
    await writeFile(input, 'one');
    const run = await bench.json(0, 'run', await bench.spec({ steps: 2, input: 'input.txt' }));
    await writeFile(input, 'two');
    const refused = await bench.json(1, 'rerun', String(run.id));
    assert.equal(codeOf(refused), 'rerun.changed');
    assert.match(String(at(refused, 'error', 'message')), /^input changed since/);
    assert.equal((await bench.json(0, 'rerun', String(run.id), '--allow-changed')).state, 'done');
  });

  it('turns Ctrl-C into a clean stop with exit code 130, and a second one into an immediate stop', async () => {
    const start = async (pause: number) => {
      const child = bench.spawn(
        'run',
        await bench.spec({ steps: 100_000, pause, checkpointEvery: 1, name: `p${pause}` }),
      );
      const result = finished(child);
      await poll('the run to start', async () => {
        const { runs } = await bench.json(0, 'list');
        return Array.isArray(runs) && at(runs[0], 'name') === `p${pause}` && at(runs[0], 'state') === 'running'
          ? true
          : undefined;
      });
      return { child, result };
    };
    const once = await start(10);
    once.child.kill('SIGINT');
    const stopped = await once.result;
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.match(
      stopped.stdout,
      /Stopping after saving a checkpoint.*\n(.*\n)*Stopped after .*\n +Continue with: winnow resume/,
    );

    const twice = await start(60_000);
    twice.child.kill('SIGINT');
    await poll('the worker to hear it', async () =>
      (await bench.json(0, 'show', 'latest')).state === 'stopping' ? true : undefined,
    );
    twice.child.kill('SIGINT');
    const killed = await twice.result;
    assert.equal(killed.code, 130, killed.stderr);
    const shown = await bench.json(0, 'show', 'latest');
    assert.equal(shown.state, 'stopped');
    assert.match(String(at(shown, 'reason', 'message')), /Stopped at once/);
  });

  it('records the commit of the spec and whether anything differed from it', async (t) => {
    const repository = path.join(bench.folder, 'repository');
    await mkdir(repository);
    const git = (...args: string[]) =>
      spawnSync('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
        encoding: 'utf8',
      });
    if (git('init').status !== 0) {
      t.skip('git is not installed');
      return;
    }
    const spec = path.join(repository, 'x.winnow.json');
    await writeFile(spec, '{"method": "arithmetic", "steps": 1}');
    git('add', '.');
    git('commit', '-m', 'x');
    const commit = git('rev-parse', 'HEAD').stdout.trim();
    const recorded = async () => {
      await bench.json(0, 'run', spec);
      return at(await bench.json(0, 'show', 'latest'), 'record', 'git');
    };
    assert.deepEqual(await recorded(), { commit, dirty: false });
    await writeFile(spec, '{"method": "arithmetic", "steps": 2}');
    assert.deepEqual(await recorded(), { commit, dirty: true });
  });
});
