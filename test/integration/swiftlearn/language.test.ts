import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { panelView } from '../../../core/comparison/panel-view';
import { tableOf } from '../../../core/comparison/results-table';
import { swiftlearn } from '../../../core/methods/swiftlearn';
import { importanceMap } from '../../../core/methods/swiftlearn/artifacts';
import { CONTROLS, REMEDIES, SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { openImportance } from '../../../core/methods/swiftlearn/view/view';
import { variantName } from '../../../core/protocol/grouping';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { tinyDecoderFolder } from '../../unit/swiftlearn/tiny-decoder';
import { story } from '../plrd/studio';
import { RunFolder, type Run } from '../run-folder';
import { arraysOf, comparisonOf, cutAt, factsOf, jsonOf, runSpec, withoutClock } from './comparisons';

const ATTENTION = 'GQKVA-2.2+K=V';
const BATCH = 16;
const SPEC = {
  language: { model: 'model', data: { source: 'text', heldOutShare: 0.2, blockLength: 32 } },
  keep: [0.3],
  scores: ['loss', 'gradient'],
  choices: ['highest', 'drawn'],
  epochs: 4,
  warmupEpochs: 1,
  selectEvery: 2,
  seeds: 1,
  // The remedies are for classes.
  controls: CONTROLS.filter((name) => !REMEDIES.some((remedy) => remedy === name)),
  training: { batchSize: BATCH, learningRate: 5e-3, checkpointSeconds: 1000 },
};
const CHOSEN = { ...SPEC, scores: ['gradient'], controls: ['infobatch'] };

describe('SwiftLearn of a language model', () => {
  let runs: RunFolder;
  before(async () => {
    runs = RunFolder.at(await mkdtemp(path.join(tmpdir(), 'winnow-language-')), 3);
    const stories = Array.from({ length: 6 }, (_, i) => story(i));
    await mkdir(path.join(runs.folder, 'text'));
    for (const [i, text] of stories.entries()) await writeFile(path.join(runs.folder, 'text', `${i}.txt`), text);
    await tinyDecoderFolder(path.join(runs.folder, 'model'), stories, ATTENTION);
  });
  after(() => runs.close());
  const plan = (settings: object) =>
    swiftlearn.plan(SwiftLearnConfig.parse({ ...SPEC, ...settings }), { baseDir: runs.folder });

  let whole: Run;
  it('trains on the blocks that matter, beside all blocks and the controls', async () => {
    whole = await runSpec(runs, 'whole', SPEC);
    const comparison = await comparisonOf(whole);
    const { trainSamples: size, heldOutSamples, metric, data } = factsOf(comparison);
    assert.deepEqual([metric, data], ['heldOut/accuracy', 'language']);
    assert.ok(heldOutSamples > 0 && heldOutSamples < size / 2);
    const ends = new Map(comparison.trials.map(({ variant, curve }) => [variant, curve.at(-1)!]));
    const kept = Math.round(0.3 * size);
    for (const name of ['loss-30pct', 'loss-drawn-30pct', 'gradient-30pct', 'gradient-drawn-30pct'])
      assert.equal(ends.get(name)!.trained, size + 3 * kept, name);
    assert.ok(ends.has('random-30pct') && [...ends.keys()].some((name) => /^random-30pct-\d+-epochs$/.test(name)));
    assert.ok(ends.get('infobatch')!.trained < 4 * size);
    for (const [name, { metrics }] of ends) {
      const { 'heldOut/accuracy': accuracy, 'heldOut/perplexity': perplexity, 'heldOut/loss': loss } = metrics;
      assert.ok(accuracy! > 0.1 && perplexity! < 100, `${name} learned something`);
      assert.ok(Math.abs(Math.log(perplexity!) - loss!) < 1e-6);
    }
    const folder = path.join(whole.context.checkpointsDir, 'loss-30pct-seed-3');
    assert.equal(variantName((await loadDecoder(folder)).config.grouping), ATTENTION);
    assert.ok((await readdir(folder)).includes('tokenizer.json'));
  });

  it('writes down scores and what was kept, and no labels', async () => {
    const map = importanceMap.parse(await jsonOf(whole, 'importance.json'));
    assert.deepEqual([map.data, map.score, map.classes, map.labelsFile], ['language', 'loss', [], undefined]);
    for (const pass of map.passes) {
      const arrays = await arraysOf(whole, pass.file);
      assert.deepEqual(Object.keys(arrays).toSorted(), ['kept', 'scores']);
      const inside = arrays.scores!.filter((_, i) => arrays.kept![i] === 1);
      assert.equal(Math.min(...inside), Math.fround(pass.threshold!));
    }
  });

  it('shows the blocks of the run as text, from its token cache', async () => {
    const view = await openImportance(await withRecord(whole, SPEC));
    const { passes, samples } = await view.refresh();
    const { epoch } = passes.at(-1)!;
    const { rows, total, note } = await view.samples({ epoch, list: 'important', offset: 0, count: 20 });
    assert.deepEqual([note, total], [undefined, samples]);
    for (const { name, text } of rows) {
      const [, file] = /^(\d\.txt), token \d+/.exec(name!)!;
      const document = await readFile(path.join(runs.folder, 'text', file!), 'utf8');
      assert.ok(document.includes(text!.split('\n\n')[0]!.trim()), name);
    }
  });

  it('goes on where it was cut, with the same bits', async () => {
    const straight = await runSpec(runs, 'straight', CHOSEN);
    const { trainSamples } = factsOf(await comparisonOf(straight));
    const first = Math.ceil(trainSamples / BATCH);
    for (const [phase, step] of [
      ['gradient-30pct', first + 3],
      ['gradient-drawn-30pct', first + 2],
      ['infobatch', first + 5],
    ] as const)
      await cutAt(runs, 'cut', CHOSEN, { phase: `${phase}/seed-3`, step });
    const resumed = await runSpec(runs, 'cut', CHOSEN);
    assert.deepEqual(withoutClock(await comparisonOf(resumed)), withoutClock(await comparisonOf(straight)));
    assert.deepEqual(await jsonOf(resumed, 'importance.json'), await jsonOf(straight, 'importance.json'));
    for (const name of ['gradient-30pct-seed-3', 'gradient-drawn-30pct-seed-3', 'infobatch-seed-3']) {
      const weights = ({ context }: Run) => readFile(path.join(context.checkpointsDir, name, 'model.safetensors'));
      assert.ok((await weights(resumed)).equals(await weights(straight)), name);
    }
  });

  it('is a table, a chart and a plan', async () => {
    const results = await comparisonOf(whole);
    const report = tableOf(results);
    assert.equal(report.rows.length, results.points.length);
    const { axes, points } = panelView(results, whole.context.checkpointsDir);
    assert.equal(axes.find(({ key }) => key === 'heldOut/perplexity')?.better, 'lower');
    assert.ok(points.every(({ values }) => values['heldOut/accuracy']! > 10 && values['heldOut/perplexity']! > 1));
    const { stages, samples } = await plan({});
    assert.match(stages.join('\n'), /loss-30pct: the 30 % of the highest loss after 1 epoch on all samples/);
    const { trials } = await comparisonOf(whole);
    const trained = trials.reduce((sum, { curve }) => sum + curve.at(-1)!.trained, 0);
    // InfoBatch leaves out what no plan can know.
    assert.ok(samples! > 0.9 * trained && samples! < 1.3 * trained, `${samples} planned, ${trained} trained on`);
  });

  it('names what it starts from and what it reads', async () => {
    const config = SwiftLearnConfig.parse(SPEC);
    const context = { baseDir: runs.folder };
    assert.deepEqual(swiftlearn.parents?.(config, context), [path.join(runs.folder, 'model')]);
    const before = await swiftlearn.fingerprint(config, context);
    assert.deepEqual(Object.keys(before).toSorted(), ['data', 'model']);
    await cp(path.join(runs.folder, 'text'), path.join(runs.folder, 'more'), { recursive: true });
    await writeFile(path.join(runs.folder, 'more', '9.txt'), 'More.');
    const language = { ...SPEC.language, data: { ...SPEC.language.data, source: 'more' } };
    const other = await swiftlearn.fingerprint(SwiftLearnConfig.parse({ ...SPEC, language }), context);
    assert.equal(other.model, before.model);
    assert.notEqual(other.data, before.data);
  });

  it('refuses what cannot be before anything runs', async () => {
    await assert.rejects(plan({ scores: ['loss', 'change'], warmupEpochs: 2 }), {
      code: 'swiftlearn.scores',
      fixes: [{ title: 'Score by loss', key: 'scores', value: ['loss'] }],
    });
    await assert.rejects(plan({ scores: ['forgetting'], warmupEpochs: 2 }), { code: 'swiftlearn.scores' });
    const language = (changes: object) => plan({ language: { ...SPEC.language, ...changes } });
    await assert.rejects(language({ data: { source: 'text', blockLength: 100 } }), {
      code: 'data.block-too-long',
      fixes: [{ title: 'Set language.data.blockLength to 64', key: 'language.data.blockLength', value: 64 }],
    });
    await assert.rejects(language({ model: 'embedded:other' }), { code: 'model.unknown-embedded' });
    await assert.rejects(plan({ language: undefined }), { code: 'swiftlearn.data' });
  });
});

/** Writes the record of a run that was made without one. @returns its folder */
async function withRecord({ context }: Run, config: object): Promise<string> {
  const file = path.resolve('test', 'fixtures', 'swiftlearn-small', 'run.json');
  const record = JSON.parse(await readFile(file, 'utf8')) as { spec: object };
  const { dir, baseDir } = context;
  const spec = { ...record.spec, config };
  await writeFile(path.join(dir, 'run.json'), JSON.stringify({ ...record, id: path.basename(dir), baseDir, spec }));
  return dir;
}
