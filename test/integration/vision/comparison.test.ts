import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { gqkva } from '../../../core/methods/gqkva';
import { GqkvaConfig } from '../../../core/methods/gqkva/config';
import { runGqkva } from '../../../core/methods/gqkva/pipeline';
import { skipvit } from '../../../core/methods/skipvit';
import { tokenHeatmap, heatmapFile } from '../../../core/protocol/token-heatmap';
import { SkipVitConfig } from '../../../core/methods/skipvit/config';
import { runSkipVit } from '../../../core/methods/skipvit/pipeline';
import { panelView } from '../../../core/comparison/panel-view';
import { tableOf } from '../../../core/comparison/results-table';
import { speedFile } from '../../../core/comparison/speed/times';
import { visionOutcome } from '../../../core/comparison/vision/artifacts';
import { loadVit } from '../../../core/models/vit/checkpoint';
import { decodeFrame } from '../../../core/protocol/heatmap-frames';
import { DIGITS_VIT } from '../../fixtures/digits-vit';
import { resultsOf, RunFolder, trialFilesOf, type Run, type Watch } from '../run-folder';

const MODEL = DIGITS_VIT;
const RECIPE = {
  model: MODEL,
  data: { heldOutShare: 0.05 },
  epochs: 0.1,
  evaluateEvery: 0.05,
  training: { batchSize: 25, learningRate: 3e-3 },
  seeds: 2,
  speedRounds: 2,
};
const SKIP = { ...RECIPE, skipRanges: [{ start: 1, end: 2 }], shares: [0.5], heatmap: { images: 20, every: 0.05 } };
const STEPS = 38;

const jsonOf = async ({ context }: Run, name: string): Promise<unknown> =>
  JSON.parse(await readFile(path.join(context.artifactsDir, name), 'utf8'));
const trial = visionOutcome.extend({ variant: z.string(), seed: z.number() });
/** The trials of a run, in the order in which they were done. */
async function trialsOf(run: Run) {
  const { points } = await resultsOf(run);
  const files = await trialFilesOf(run);
  const seeds = [...new Set(points.flatMap((point) => point.seeds))].sort((a, b) => a - b);
  return seeds.flatMap((seed) => points.map(({ name }) => trial.parse(files.get(`${name}-seed-${seed}`))));
}

describe('Comparisons of vision transformers', () => {
  let runs: RunFolder;
  before(async () => {
    runs = RunFolder.at(await mkdtemp(path.join(tmpdir(), 'winnow-vision-')), 3);
  });
  after(() => runs.close());
  const skip = (name: string, settings: object = SKIP, watch?: Watch) =>
    runs.run(name, (context) => runSkipVit(SkipVitConfig.parse(settings), context), watch);

  let whole: Run;
  it('SkipViT: every model with every seed, timed in turns, kept once, and its tokens mapped', async () => {
    whole = await skip('whole');
    const { series, points } = await resultsOf(whole);
    const trials = await trialsOf(whole);
    const roles = new Map(series.map(({ name, role }) => [name, role]));
    assert.deepEqual(
      points.map(({ name, series: of, seeds }) => [name, roles.get(of), seeds]),
      [
        ['none', 'baseline', [3, 4]],
        ['skip-1to2-50pct', 'member', [3, 4]],
        ['random-1to2-50pct', 'control', [3, 4]],
        ['fuse-1to2-50pct', 'control', [3, 4]],
      ],
    );
    assert.deepEqual([...new Set(trials.map(({ seed }) => seed))], [3, 4]);
    assert.equal(trials.length, 8);
    for (const trial of trials) {
      assert.equal(trial.steps, STEPS);
      assert.ok(trial.accuracy > 0.12, `guessing is right in a tenth of the cases; ${trial.accuracy}`);
      assert.equal(trial.checkpoint !== undefined, trial.seed === 3);
    }
    const { times } = speedFile.parse((await trialFilesOf(whole)).get('speed'));
    assert.deepEqual(
      times.map(({ variant }) => variant),
      points.map(({ name }) => name),
    );
    assert.ok(times.every((time) => time.trainSecondsPerImage > 0 && time.memoryBytes > 1e6));
    for (const { values, name } of points) {
      assert.ok(values.trainMilliseconds! > 0 && values.memory! > 1);
      assert.equal(values.flopsPerImage! < points[0]!.values.flopsPerImage!, name !== 'none');
    }
    const result = whole.events.find((event) => event.type === 'result');
    const own = trials.filter(({ variant }) => variant === 'skip-1to2-50pct');
    assert.equal(result?.values['heldOut/accuracy'], (own[0]!.accuracy + own[1]!.accuracy) / 2);
    const { config } = await loadVit(path.join(whole.context.checkpointsDir, 'skip-1to2-50pct-seed-3'));
    assert.deepEqual([config.labels.length, config.layers], [10, 3]);
    assert.ok(!existsSync(path.join(whole.context.checkpointsDir, 'last')));
  });

  it('the map of tokens says what stays, by score, and how often', async () => {
    const map = tokenHeatmap.parse(await jsonOf(whole, heatmapFile('skip-1to2-50pct')));
    assert.deepEqual([map.images.length, map.grid, map.keptPatches, map.heldOutImages], [20, 4, 8, 501]);
    assert.deepEqual(
      map.images.map(({ label }) => label),
      Array.from({ length: 20 }, (_, i) => Math.floor(i / 2)),
    );
    assert.deepEqual(
      map.frames.map(({ step }) => step),
      [19, STEPS],
    );
    for (const frame of map.frames) {
      const { scores, kept } = decodeFrame(map, frame);
      for (let image = 0; image < 20; image++) {
        const own = Array.from({ length: 16 }, (_, patch) => ({
          score: scores[image * 16 + patch]!,
          stays: kept[image * 16 + patch] === 1,
        }));
        const staying = own.filter(({ stays }) => stays).map(({ score }) => score);
        const leaving = own.filter(({ stays }) => !stays).map(({ score }) => score);
        assert.equal(staying.length, 8);
        assert.ok(Math.min(...staying) >= Math.max(...leaving));
      }
      // Half of the patches leave in every image.
      const mean = frame.dropped.reduce((sum, share) => sum + share, 0) / 16;
      assert.ok(Math.abs(mean - 0.5) < 1e-3);
      for (const shares of frame.droppedByClass)
        assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) / 16 - 0.5) < 1e-3);
    }
    const trials = await trialsOf(whole);
    const trained = trials.find(({ variant, seed }) => variant === 'skip-1to2-50pct' && seed === 3)!;
    // The kept model is rounded to 16 bits; the map is of the one in training.
    assert.ok(Math.abs(map.frames.at(-1)!.accuracy - trained.accuracy) <= 0.01);
    assert.ok(existsSync(path.join(whole.context.artifactsDir, heatmapFile('fuse-1to2-50pct'))));
    assert.ok(!existsSync(path.join(whole.context.artifactsDir, heatmapFile('random-1to2-50pct'))));
  });

  it('a run that was cut goes on and ends with the same numbers', async () => {
    for (const [phase, step] of [
      ['skip-1to2-50pct/seed-3', 25],
      ['none/seed-4', 5],
    ] as const) {
      const stop = new AbortController();
      await assert.rejects(
        skip('cut', SKIP, {
          signal: stop.signal,
          onEvent: (event) => {
            if (
              event.type === 'metrics' &&
              event.phase === phase &&
              event.step === step &&
              'gradientNorm' in event.values
            )
              stop.abort(new Error('stopped'));
          },
        }),
        /stopped/,
      );
    }
    const resumed = await skip('cut');
    const numbers = async (run: Run) =>
      (await trialsOf(run)).map(({ variant, seed, accuracy, loss }) => [variant, seed, accuracy, loss]);
    assert.deepEqual(await numbers(resumed), await numbers(whole));
    const file = heatmapFile('skip-1to2-50pct');
    assert.deepEqual(await jsonOf(resumed, file), await jsonOf(whole, file));
    const weights = (run: Run) =>
      readFile(path.join(run.context.checkpointsDir, 'skip-1to2-50pct-seed-3', 'model.safetensors'));
    assert.ok((await weights(resumed)).equals(await weights(whole)));
  });

  it('GQKVA: variants that start from a trained model, with tokens that skip, as table and as chart', async () => {
    const settings = {
      ...RECIPE,
      model: { from: path.join(whole.context.checkpointsDir, 'none-seed-3') },
      variants: ['MHA', 'GKVA-2', 'MQA', 'GQKVA-2.2', 'GQA-2+K=V'],
      skip: { start: 1, end: 3 },
      seeds: 1,
      speedRounds: 0,
    };
    const run = await runs.run('heads', (context) => runGqkva(GqkvaConfig.parse(settings), context));
    const results = await resultsOf(run);
    const trials = await trialsOf(run);
    assert.deepEqual(
      results.points.map(({ details }) => details?.attention),
      settings.variants,
    );
    const sizes = results.points.map(({ values }) => values.parameters!);
    assert.ok(sizes.slice(1).every((size) => size < sizes[0]!));
    assert.ok(results.points.every(({ details, values }) => details?.keptPatches === 7 && !('trainGain' in values)));
    assert.ok(!(await trialFilesOf(run)).has('speed'));
    const before = (await trialsOf(whole))[0]!.accuracy;
    assert.ok(trials[0]!.accuracy > before, 'training went on from where it was');
    const { config } = await loadVit(path.join(run.context.checkpointsDir, 'GQKVA-2.2-seed-3'));
    assert.deepEqual([config.grouping.queryHeads, config.grouping.kvHeads], [2, 2]);
    const view = panelView(results, run.context.checkpointsDir);
    assert.deepEqual(
      view.points.map(({ name }) => name),
      settings.variants,
    );
    assert.equal(view.axes[0]?.key, 'parameters');
    assert.ok(view.points.every(({ checkpoint }) => checkpoint !== undefined && existsSync(checkpoint)));
    assert.equal(tableOf(results).rows.length, 5);
  });

  it('plans say what will be trained, and what cannot be is refused before anything runs', async () => {
    const at = { baseDir: runs.folder };
    const plan = await skipvit.plan(SkipVitConfig.parse(SKIP), at);
    assert.match(plan.stages.join('\n'), /skip-1to2-50pct: 0\.0\d M parameters.*8 of 16 patches stay/);
    assert.match(plan.stages.join('\n'), new RegExp(`each trained 2 times for ${STEPS} steps of 25 images`));
    assert.ok(plan.seconds! > 0 && plan.diskBytes! > 0);
    const bad = (settings: object) => gqkva.plan(GqkvaConfig.parse({ ...RECIPE, ...settings }), at);
    await assert.rejects(bad({ variants: ['GQA-3'] }), { code: 'model.heads' });
    await assert.rejects(bad({ data: { source: 'nowhere' } }), { code: 'data.not-found' });
    await assert.rejects(bad({ model: { ...MODEL, image_size: 30 } }), { code: 'model.config' });
  });
});
