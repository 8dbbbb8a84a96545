import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { kindOf } from '../../../core/experiments/artifact-kinds';
import { readRow } from '../../../core/experiments/library/run-row';
import { methods } from '../../../core/methods';
import type { RunRow } from '../../../core/protocol/runs';
import { RunArtifacts } from '../../../extension/run-artifacts';
import { MethodList } from '../../../extension/specs/methods';

const FIXTURES = path.resolve('test', 'fixtures');
/** What a panel shows of each run of the fixtures. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  'plrd-family': ['tradeoff'],
  'swiftlearn-digits': ['tradeoff', 'importance'],
  'swiftlearn-emails': ['tradeoff', 'importance'],
  'gqkva-digits': ['tradeoff'],
  'swiftlearn-small': ['tradeoff', 'importance'],
  'skipvit-digits': ['tradeoff', 'token-heatmap'],
  'plrd-small': ['tradeoff'],
  'skipvit-small': ['tradeoff', 'token-heatmap'],
};

/** What events of earlier versions say a file is. */
const FORMER_KINDS: Readonly<Record<string, string>> = { 'drop-map': 'token-heatmap' };

describe('the artifacts of runs', () => {
  const list = new MethodList(path.resolve('dist', 'methods.json'));
  const artifacts = new RunArtifacts(list);
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-artifacts-'));
    await list.all();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('are of the kinds that their methods declare, and that the runs themselves told', async () => {
    for (const run of Object.keys(SHOWN)) {
      const log = await readFile(path.join(FIXTURES, run, 'events.jsonl'), 'utf8').catch(() => '');
      const row = await readRow(path.join(FIXTURES, run));
      const declared = methods.find(({ name }) => name === row?.method)?.artifacts ?? [];
      for (const line of log.split('\n').filter((text) => text.includes('"artifact"'))) {
        const { name, kind } = JSON.parse(line) as { name: string; kind: string };
        assert.equal(kindOf(name, declared), FORMER_KINDS[kind] ?? kind, `${run}: ${name}`);
      }
    }
  });

  it('open their panels, all others are files', async () => {
    for (const [run, kinds] of Object.entries(SHOWN)) {
      const dir = path.join(FIXTURES, run);
      const { spec } = JSON.parse(await readFile(path.join(dir, 'run.json'), 'utf8')) as { spec: { method: string } };
      const row = { dir, method: spec.method, state: 'done', ended: 1 } as RunRow;
      assert.deepEqual(await artifacts.offered(row), kinds, run);
      const declared = list.artifactsOf(spec.method);
      for (const name of await readdir(path.join(dir, 'artifacts'))) {
        const kind = kindOf(name, declared);
        if (/^(tradeoff|results|importance|(token-heatmap|tokens)-.*)\.json$/.test(name))
          assert.ok(kind && kinds.includes(kind), name);
        else assert.equal(kind, undefined, name);
      }
    }
    assert.deepEqual(
      artifacts.parts({ dir: path.join(FIXTURES, 'skipvit-digits'), method: 'skipvit' }, 'token-heatmap').sort(),
      ['fuse-2to5-55pct', 'skip-2to5-55pct'],
    );
  });

  it('are offered of a run that goes on where its method makes some and its settings do not turn them off', async () => {
    const run = async (name: string, method: string, config: object): Promise<RunRow> => {
      const dir = path.join(folder, name);
      await mkdir(dir, { recursive: true });
      await writeFile(path.join(dir, 'run.json'), JSON.stringify({ spec: { method, config } }));
      return { dir, method, state: 'running', ended: null } as RunRow;
    };
    assert.deepEqual(await artifacts.offered(await run('a', 'skipvit', { heatmap: { images: 40 } })), [
      'tradeoff',
      'token-heatmap',
    ]);
    assert.deepEqual(await artifacts.offered(await run('b', 'skipvit', { heatmap: { images: 0 } })), ['tradeoff']);
    assert.deepEqual(
      await artifacts.offered(await run('h', 'skipvit', { map: { images: 0 } })),
      ['tradeoff'],
      'formerly',
    );
    assert.deepEqual(await artifacts.offered(await run('c', 'swiftlearn', {})), ['tradeoff', 'importance']);
    assert.deepEqual(await artifacts.offered(await run('d', 'command', {})), []);
    assert.deepEqual(await artifacts.offered(await run('e', 'pretrain', {})), []);
    assert.deepEqual(await artifacts.offered(await run('f', 'of another version', {})), []);
    // Of one that is done, what is there; no more will come.
    const done = { ...(await run('g', 'skipvit', { map: { images: 40 } })), state: 'done', ended: 5 } as RunRow;
    assert.deepEqual(await artifacts.offered(done), []);
    await cp(path.join(FIXTURES, 'skipvit-digits', 'artifacts'), path.join(done.dir, 'artifacts'), {
      recursive: true,
    });
    assert.deepEqual(await artifacts.offered({ ...done, ended: 6 }), ['tradeoff', 'token-heatmap']);
  });

  it("'s names stand for what their pattern says, and for no other file", () => {
    const declared = [
      { kind: 'map', files: 'map-*.json', formerly: 'chart-*.json' },
      { kind: 'one', files: 'one.json', formerly: 'uno.json' },
    ];
    assert.equal(kindOf('uno.json', declared), 'one', 'as older versions called it');
    assert.equal(kindOf('chart-a.json', declared), 'map', 'as older versions called it');
    assert.equal(kindOf('map-a.json', declared), 'map');
    assert.equal(kindOf('map-.json', declared), undefined);
    assert.equal(kindOf('map-a.json.bak', declared), undefined);
    assert.equal(kindOf('xmap-a.json', declared), undefined);
    assert.equal(kindOf('one.json', declared), 'one');
    assert.equal(kindOf('oneXjson', declared), undefined);
  });

  it('have their methods tell as well what trainings count', () => {
    for (const { name, units } of methods) assert.equal(list.unitsOf(name), units, name);
    assert.deepEqual([list.unitsOf('gqkva'), list.unitsOf('swiftlearn')], ['images', 'samples']);
    assert.deepEqual([list.unitsOf('command'), list.unitsOf('of another version')], [undefined, undefined]);
  });

  it('are named after their makers where a run has none', () => {
    assert.equal(list.makersOf('token-heatmap'), 'skipvit');
    assert.equal(list.makersOf('tradeoff'), 'plrd, skipvit, swiftlearn, and gqkva');
  });
});
