import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { unseal } from '../../../core/checksum';
import { readResultsFile } from '../../../core/comparison/results-file';
import { describeResults } from '../../../core/comparison/results-table';
import { runComparison, type Comparison } from '../../../core/comparison/run';
import { seriesOf } from '../../../core/comparison/series';
import { variantsBySeeds, type Trial, type Workplace } from '../../../core/comparison/trial';
import { variantRecord, visionFacts, visionOutcome } from '../../../core/comparison/vision/artifacts';
import { visionResult, visionResults } from '../../../core/comparison/vision/results';
import { readOldRun } from '../../../core/comparison/old-tradeoff';
import type { RunEvent } from '../../../core/protocol/events';
import { readResults } from '../../../core/methods/read-results';
import { Random } from '../../../core/random';
import { spreadOf } from '../../../core/protocol/statistics';
import fc from '../../fast-check';

const FIXTURES = path.resolve('test', 'fixtures');
const outcome = z.object({ value: z.number() });
type Outcome = z.infer<typeof outcome>;

/** What `value` of a variant with a seed is: nothing but those two decide. */
const valueOf = (variant: string, seed: number) => new Random(seed, variant.length).uniform();

const VARIANTS = ['none', 'half', 'quarter'].map((name) => ({ name }));
const SEEDS = [3, 4, 5];

describe('a comparison', () => {
  let folder: string;
  let count = 0;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-comparison-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const contextIn = async (dir: string, trial?: string) => {
    const events: RunEvent[] = [];
    const log: string[] = [];
    const context: Workplace['context'] = {
      dir,
      baseDir: dir,
      checkpointsDir: path.join(dir, 'checkpoints'),
      artifactsDir: path.join(dir, 'artifacts'),
      cacheDir: path.join(dir, '.cache'),
      seed: 3,
      device: { provider: 'cpu', threads: 1 },
      signal: new AbortController().signal,
      emit: (event) => {
        events.push(event);
      },
      log: (text) => {
        log.push(text);
      },
      ...(trial !== undefined && { trial }),
    };
    for (const made of [context.checkpointsDir, context.artifactsDir]) await mkdir(made, { recursive: true });
    return { context, events, log };
  };

  const resultsOf: Comparison<Outcome>['results'] = ({ trials }) => {
    const models = VARIANTS.map(
      ({ name }) => ({ name, title: name, role: name === 'none' ? 'baseline' : 'member' }) as const,
    );
    const { series, nameOf } = seriesOf(models);
    return {
      version: 1,
      metrics: [
        {
          key: 'value',
          label: 'Value',
          unit: '',
          better: 'higher',
          role: 'quality',
          format: { as: 'fixed', digits: 3, spread: true },
        },
      ],
      series: [...series],
      points: models.map((model) => {
        const own = trials.filter(({ variant }) => variant === model.name);
        const spread = spreadOf(own.map(({ value }) => value));
        return {
          name: model.name,
          series: nameOf(model),
          seeds: own.map(({ seed }) => seed),
          values: spread ? { value: spread.mean } : {},
          spread: spread?.deviation === undefined ? {} : { value: spread.deviation },
        };
      }),
      table: { name: 'model', columns: ['value'], legend: [] },
      notes: [],
    };
  };

  /** Runs in a folder, or goes on there. @param stopAfter trials after which it is cut */
  const run = async (dir: string, { trial, stopAfter = Infinity }: { trial?: string; stopAfter?: number } = {}) => {
    const { context, events, log } = await contextIn(dir, trial);
    const done: string[] = [];
    const trials: Trial<Outcome>[] = variantsBySeeds(VARIANTS, SEEDS, ({ name }, seed) => {
      if (done.length >= stopAfter) throw new Error('cut');
      done.push(`${name}-seed-${seed}`);
      return Promise.resolve({ value: valueOf(name, seed) });
    }).map((one) => (one.name === 'half-seed-4' ? { ...one, after: 'none-seed-4' } : one));
    const comparison: Comparison<Outcome> = {
      context,
      outcome,
      trials,
      results: resultsOf,
      headline: (collected) => ({ step: collected.trials.length, values: { value: collected.trials.at(-1)!.value } }),
    };
    const ended = await runComparison(comparison).then(
      () => undefined,
      (error: unknown) => error,
    );
    return { done, events, log, ended };
  };
  const next = () => path.join(folder, String(count++));
  const resultsIn = (dir: string) => readFile(path.join(dir, 'artifacts', 'results.json'), 'utf8');
  const ALL = SEEDS.flatMap((seed) => VARIANTS.map(({ name }) => `${name}-seed-${seed}`));

  it('does every variant with every seed, seeds outside, and collects after each', async () => {
    const dir = next();
    const { done, events, log } = await run(dir);
    assert.deepEqual(done, ALL);
    assert.deepEqual((await readdir(path.join(dir, 'trials'))).sort(), ALL.map((name) => `${name}.json`).sort());
    assert.deepEqual(
      events.filter(({ type }) => type === 'artifact').length,
      ALL.length,
      'results are told of after each trial',
    );
    assert.deepEqual(events.at(-1), { type: 'result', step: 9, values: { value: valueOf('quarter', 5) } });
    const results = (await readResultsFile(path.join(dir, 'artifacts')))!;
    assert.deepEqual(
      results.points.map(({ seeds }) => seeds),
      [SEEDS, SEEDS, SEEDS],
    );
    assert.deepEqual(log, describeResults(results));
    assert.match(log[1]!, /^none +0\.\d{3}±0\.\d{3}$/);
  });

  it('goes on wherever it was cut, does nothing twice, and ends with the same bytes', async () => {
    const whole = next();
    await run(whole);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }), async (cuts) => {
        const dir = next();
        const done: string[] = [];
        for (const stopAfter of cuts) done.push(...(await run(dir, { stopAfter })).done);
        const last = await run(dir);
        assert.deepEqual([...done, ...last.done], ALL);
        assert.equal(await resultsIn(dir), await resultsIn(whole));
        const again = await run(dir);
        assert.deepEqual(
          again.events.map(({ type }) => type),
          ['result'],
        );
      }),
      { numRuns: 15 },
    );
  });

  it('its trials can be done alone, in any order that they allow, and are collected', async () => {
    const whole = next();
    await run(whole);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(ALL, { minLength: ALL.length }), async (order) => {
        const dir = next();
        const waiting: string[] = [];
        for (const trial of order) {
          const { done, ended, events } = await run(dir, { trial });
          assert.deepEqual(events, [], 'who collects tells of the results');
          if (ended === undefined) {
            assert.deepEqual(done, [trial]);
            continue;
          }
          assert.deepEqual([(ended as { code?: string }).code, trial], ['trial.too-early', 'half-seed-4']);
          waiting.push(trial);
        }
        assert.ok(!existsSync(path.join(dir, 'artifacts', 'results.json')));
        for (const trial of waiting) assert.equal((await run(dir, { trial })).ended, undefined);
        const twice = await run(dir, { trial: ALL[0]! });
        assert.deepEqual([twice.done, twice.log], [[], [`${ALL[0]!} is done already.`]]);
        const collected = await run(dir);
        assert.deepEqual(collected.done, []);
        assert.equal(await resultsIn(dir), await resultsIn(whole));
        assert.deepEqual(
          (await readdir(path.join(dir, 'trials'))).filter((name) => name.startsWith('.')),
          [],
        );
      }),
      { numRuns: 8 },
    );
    const { ended } = await run(whole, { trial: 'half-seed-9' });
    assert.deepEqual((ended as { code?: string }).code, 'trial.unknown');
    assert.match((ended as { hint?: string }).hint!, /none-seed-3, half-seed-3/);
  });

  it('refuses a trial file that was damaged, by its name', async () => {
    const dir = next();
    await run(dir, { stopAfter: 2 });
    const file = path.join(dir, 'trials', 'half-seed-3.json');
    const text = await readFile(file, 'utf8');
    for (const damage of [
      () => truncate(file, 20),
      () =>
        writeFile(
          file,
          text.replace(/"value": 0\.(\d)/, (_, digit) => `"value": 0.${(Number(digit) + 1) % 10}`),
        ),
    ]) {
      await damage();
      const { ended, done } = await run(dir);
      assert.deepEqual([(ended as { code?: string }).code, done], ['file.damaged', []]);
      assert.match((ended as Error).message, /trials\/half-seed-3\.json/);
    }
    await rm(file);
    assert.deepEqual((await run(dir)).done, ['half-seed-3', ...ALL.slice(2)]);
  });

  it('refuses a named pipe in the place of a trial file, and removes what was half-written', async () => {
    const dir = next();
    await run(dir, { stopAfter: 1 });
    const partial = path.join(dir, 'trials', '.partial-none-seed-4.json-1234');
    await writeFile(partial, '{');
    assert.deepEqual((await run(dir, { stopAfter: 1 })).done, ['half-seed-3']);
    assert.ok(!existsSync(partial));
    const pipe = path.join(dir, 'trials', 'quarter-seed-3.json');
    if (spawnSync('mkfifo', [pipe]).status !== 0) return;
    const { ended, done } = await run(dir);
    assert.deepEqual([(ended as { code?: string }).code, done], ['run.special-file', []]);
  });

  it('writes results.json anew where it is gone or of other trials', async () => {
    const dir = next();
    await run(dir);
    const text = await resultsIn(dir);
    await writeFile(path.join(dir, 'artifacts', 'results.json'), '{');
    const { events } = await run(dir);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['artifact', 'result'],
    );
    assert.equal(await resultsIn(dir), text);
  });
});

describe('a run that an older Winnow began', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-began-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('goes on after the trials that it has, which become files of their own', async () => {
    const fixture = path.join(FIXTURES, 'gqkva-digits');
    const artifactsDir = path.join(folder, 'artifacts');
    await cp(path.join(fixture, 'artifacts'), artifactsDir, { recursive: true });
    const file = path.join(artifactsDir, 'tradeoff.json');
    const content = JSON.parse(await readFile(file, 'utf8')) as {
      contenders: { name: string; speed?: unknown }[];
      trials: { contender: string; seed: number; accuracy: number; loss: number }[];
    };
    const missing = content.trials.splice(-2);
    await writeFile(file, JSON.stringify(content));

    const old = (await readOldRun(path.join(fixture, 'artifacts')))!;
    const facts = visionFacts.parse(old.facts);
    const variants = old.variants.map((variant) => variantRecord.parse(variant));
    const done: string[] = [];
    const events: RunEvent[] = [];
    await runComparison({
      context: {
        dir: folder,
        baseDir: folder,
        checkpointsDir: path.join(folder, 'checkpoints'),
        artifactsDir,
        cacheDir: folder,
        seed: 0,
        device: { provider: 'cpu', threads: 1 },
        signal: new AbortController().signal,
        emit: (event) => {
          events.push(event);
        },
        log: () => undefined,
      },
      outcome: visionOutcome,
      trials: variantsBySeeds(variants, [0, 1, 2], ({ name }, seed) => {
        done.push(`${name}-seed-${seed}`);
        const trial = missing.find((one) => one.contender === name && one.seed === seed);
        return Promise.resolve(visionOutcome.parse(trial));
      }),
      results: (collected) => visionResults({ facts, variants, ...collected }),
      headline: (collected) => {
        const values = visionResult({ facts, variants, ...collected });
        return values && { step: 1, values };
      },
    });
    assert.deepEqual(
      done,
      missing.map(({ contender, seed }) => `${contender}-seed-${seed}`),
    );
    assert.deepEqual(await readResults(folder), await readResults(fixture), 'to the last digit, times included');
    assert.ok(!existsSync(file), 'what was in it is in trials/ now');
    const names = await readdir(path.join(folder, 'trials'));
    assert.equal(names.length, 3 * variants.length + 1);
    const trial = unseal(await readFile(path.join(folder, 'trials', 'MQA-seed-1.json'), 'utf8'));
    assert.deepEqual((trial as { variant?: string }).variant, 'MQA');
  });
});
