import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { runPaths } from '../../../core/experiments/run/directory';
import { createRun } from '../../../core/experiments/run/launch';
import { createRegistry } from '../../../core/experiments/registry';
import { parseSpec } from '../../../core/experiments/spec/spec';
import { methods } from '../../../core/methods';
import { readResults } from '../../../core/methods/read-results';
import type { Results } from '../../../core/protocol/results';
import { Random } from '../../../core/random';
import { DIGITS_VIT } from '../../fixtures/digits-vit';
import { PATIENCE } from '../../patience';

// The built command line and worker, as a scheduler starts them.
const CLI = path.resolve('dist', 'cli.js');
const registry = createRegistry(methods);

const SPEC = {
  method: 'skipvit',
  seed: 3,
  device: { threads: 1 },
  model: DIGITS_VIT,
  data: { heldOutShare: 0.05 },
  skipRanges: [{ start: 1, end: 2 }],
  controls: [],
  epochs: 0.05,
  evaluateEvery: 0.05,
  training: { batchSize: 25, learningRate: 3e-3 },
  seeds: 2,
  speedRounds: 1,
  heatmap: { images: 10, every: 0.05 },
};
const TRIALS = ['none-seed-3', 'skip-1to2-55pct-seed-3', 'none-seed-4', 'skip-1to2-55pct-seed-4', 'speed'];

const Failure = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string() }) });

describe('the trials of a run, each in a process of its own', () => {
  let folder: string;
  let runs: string;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-trials-'));
    runs = path.join(folder, 'runs');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const winnow = (...args: string[]) =>
    spawnSync(process.execPath, [CLI, ...args, '--json', '--runs-dir', runs], { encoding: 'utf8', timeout: PATIENCE });
  const succeed = (...args: string[]) => {
    const { status, stdout, stderr } = winnow(...args);
    assert.equal(status, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  };
  const refusal = (...args: string[]) => {
    const { status, stdout } = winnow(...args);
    assert.equal(status, 1, stdout);
    return Failure.parse(JSON.parse(stdout)).error;
  };
  const create = async (name: string, spec: object = SPEC) => {
    const file = path.join(folder, `${name}.winnow.json`);
    await writeFile(file, JSON.stringify(spec));
    return createRun(parseSpec(JSON.stringify(spec), file, registry), runs);
  };
  /** What no clock says. */
  const withoutClock = (results: Results) => {
    const measured = new Set(results.metrics.flatMap(({ key, measured: is }) => (is ? [key] : [])));
    const kept = (values: Readonly<Record<string, number>> = {}) =>
      Object.fromEntries(Object.entries(values).filter(([key]) => !measured.has(key)));
    const points = results.points.map((point) => ({
      ...point,
      values: kept(point.values),
      spread: kept(point.spread),
    }));
    return { ...results, points };
  };
  const files = async (dir: string, part: 'checkpoints' | 'artifacts') => {
    const root = runPaths(dir)[part];
    const names = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const paths = names.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))).sort();
    const contents = await Promise.all(
      paths.map(async (name) => [name, await readFile(path.join(root, name), 'base64')] as const),
    );
    return new Map(contents);
  };

  it('in a shuffled order, come to what the whole run comes to, with the same bits', async () => {
    const whole = await create('whole');
    succeed('resume', path.basename(whole));

    const parts = await create('parts');
    const random = new Random(7);
    const order = [...TRIALS].map((name) => ({ name, at: random.uniform() })).sort((a, b) => a.at - b.at);
    assert.notDeepEqual(
      order.map(({ name }) => name),
      TRIALS,
    );
    for (const { name } of order) {
      succeed('trial', path.basename(parts), name);
      assert.ok(existsSync(path.join(parts, 'trials', `${name}.json`)), name);
    }
    assert.ok(!existsSync(path.join(parts, 'artifacts', 'results.json')), 'who collects writes it');
    const trained = await files(parts, 'checkpoints');
    succeed('resume', path.basename(parts));

    const results = (await readResults(parts))!;
    assert.deepEqual(withoutClock(results), withoutClock((await readResults(whole))!));
    for (const { values, seeds } of results.points) {
      assert.deepEqual(seeds, [3, 4]);
      assert.ok(values.trainMilliseconds! > 0 && Number.isFinite(values.trainGain));
    }
    assert.deepEqual(await files(parts, 'checkpoints'), await files(whole, 'checkpoints'));
    assert.deepEqual(await files(parts, 'checkpoints'), trained, 'nothing was trained again');
    const map = 'tokens-skip-1to2-55pct.json';
    assert.equal((await files(parts, 'artifacts')).get(map), (await files(whole, 'artifacts')).get(map));
    assert.deepEqual((await readdir(path.join(parts, 'trials'))).sort(), TRIALS.map((name) => `${name}.json`).sort());
  });

  it('are refused where there are none of the name, or none at all', async () => {
    const dir = await create('refused');
    const unknown = refusal('trial', path.basename(dir), 'skip-seed-1');
    assert.equal(unknown.code, 'trial.unknown');
    assert.equal(unknown.hint, `Its trials are: ${TRIALS.join(', ')}.`);
    const other = await create('other', { method: 'command', command: 'true' });
    assert.equal(refusal('trial', path.basename(other), 'speed').code, 'trial.none');
  });
});
