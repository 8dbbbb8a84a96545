import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { panelView } from '../../../core/comparison/panel-view';
import { tableOf } from '../../../core/comparison/results-table';
import { swiftlearn } from '../../../core/methods/swiftlearn';
import { importanceMap, selectionOutcome } from '../../../core/methods/swiftlearn/artifacts';
import { SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { runSwiftLearn } from '../../../core/methods/swiftlearn/pipeline';
import { loadVit } from '../../../core/models/vit/checkpoint';
import { Random } from '../../../core/random';
import { resultsOf, RunFolder, trialFilesOf, type Run, type Watch } from '../run-folder';
import { flip } from '../../bit-flip';
import { arraysOf, comparisonOf, cutAt, factsOf, jsonOf, runSpec, withoutClock } from './comparisons';
import { tinyEncoderFolder } from './tiny-encoder';

const IMAGES = {
  model: {
    hidden_size: 24,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    patch_size: 14,
    image_size: 28,
    initializer_range: 0.15,
  },
  data: { heldOutShare: 0.5 },
};
const TRAINING = { batchSize: 50, learningRate: 5e-3, checkpointSeconds: 1000 };
const SPEC = {
  images: IMAGES,
  keep: [0.2],
  skipHardest: 0,
  epochs: 4,
  warmupEpochs: 1,
  selectEvery: 2,
  seeds: 1,
  training: TRAINING,
};

describe('SwiftLearn', () => {
  let runs: RunFolder;
  before(async () => {
    runs = RunFolder.at(await mkdtemp(path.join(tmpdir(), 'winnow-swiftlearn-')), 3);
  });
  after(() => runs.close());
  const run = (name: string, settings: object = SPEC, watch?: Watch) => runSpec(runs, name, settings, watch);
  const cut = (name: string, settings: object, phase: string, step: number) =>
    cutAt(runs, name, settings, { phase, step });

  let whole: Run;
  it('trains on what matters, beside all data and the controls, each with what it cost', async () => {
    whole = await run('whole');
    const comparison = await comparisonOf(whole);
    const size = factsOf(comparison).trainSamples;
    const ends = new Map(comparison.trials.map(({ variant, curve }) => [variant, curve.at(-1)!]));
    const kept = Math.round(0.2 * size);
    assert.equal(ends.get('full')!.trained, 4 * size);
    const chosen = ends.get('el2n-20pct')!;
    assert.deepEqual([chosen.trained, chosen.scored], [size + 3 * kept, 2 * size]);
    assert.ok(Math.abs(chosen.work - (chosen.trained + (2 * size) / 3)) < 1e-6);
    const random = ends.get('random-20pct')!;
    assert.deepEqual([random.trained, random.scored], [chosen.trained, 0]);
    for (const name of ['full-2.3-epochs', 'random-20pct-7-epochs'])
      assert.ok(Math.abs(ends.get(name)!.work / chosen.work - 1) < 0.1, `${name} costs as much`);
    const infobatch = ends.get('infobatch')!;
    assert.ok(infobatch.trained < 4 * size && infobatch.trained > 2 * size);
    for (const [name, { metrics }] of ends) assert.ok(metrics['heldOut/accuracy']! > 0.2, `${name} learned something`);
    const result = whole.events.find((event) => event.type === 'result');
    assert.equal(result?.values['heldOut/accuracy'], chosen.metrics['heldOut/accuracy']);
    assert.ok(!existsSync(path.join(whole.context.checkpointsDir, 'last')));
    const { config } = await loadVit(path.join(whole.context.checkpointsDir, 'el2n-20pct-seed-3'));
    assert.equal(config.labels.length, 10);
  });

  it('writes down which samples those are, choice by choice', async () => {
    const map = importanceMap.parse(await jsonOf(whole, 'importance.json'));
    assert.deepEqual(
      map.passes.map(({ epoch }) => epoch),
      [1, 3],
    );
    for (const pass of map.passes) {
      assert.ok(pass.threshold !== null);
      const { scores, kept, confidence } = await arraysOf(whole, pass.file);
      const inside = [...scores!.keys()].filter((i) => kept![i] === 1);
      assert.equal(inside.length, pass.kept);
      assert.equal(Math.min(...inside.map((i) => scores![i]!)), Math.fround(pass.threshold));
      const outside = scores!.filter((_, i) => kept![i] === 0);
      assert.ok(outside.every((score) => score <= pass.threshold!));
      // The hardest are those that the model gives the least chance.
      const mean = (indices: number[]) => indices.reduce((sum, i) => sum + confidence![i]!, 0) / indices.length;
      assert.ok(mean(inside) < mean([...scores!.keys()].filter((i) => kept![i] === 0)));
    }
    assert.ok(map.passes[1]!.returned > 0, 'dropped samples can return');
  });

  it('goes on where it was cut, with the same bits, whatever it was about to do', async () => {
    const { trainSamples } = factsOf(await comparisonOf(whole));
    const first = Math.ceil(trainSamples / 50);
    await cut('cut', SPEC, 'el2n-20pct/seed-3', first + 5);
    await cut('cut', SPEC, 'el2n-20pct/seed-3', first + 2 * Math.ceil((0.2 * trainSamples) / 50) + 3);
    // What is known of which sample is damaged: the checkpoint before has it, of before the choice.
    await flip(path.join(runs.folder, 'runs/cut/checkpoints/last'), {
      file: 'sampler.safetensors',
      place: 0.9,
      bit: 0,
    });
    await cut('cut', SPEC, 'infobatch/seed-3', first + 20);
    const resumed = await run('cut');
    assert.deepEqual(withoutClock(await comparisonOf(resumed)), withoutClock(await comparisonOf(whole)));
    assert.deepEqual(await jsonOf(resumed, 'importance.json'), await jsonOf(whole, 'importance.json'));
    assert.deepEqual(
      await arraysOf(resumed, 'importance-3.safetensors'),
      await arraysOf(whole, 'importance-3.safetensors'),
    );
    const weights = ({ context }: Run) =>
      readFile(path.join(context.checkpointsDir, 'el2n-20pct-seed-3', 'model.safetensors'));
    assert.ok((await weights(resumed)).equals(await weights(whole)));
  });

  it('is trained trial by trial as well, each in a run of its own, and ends with the same bits', async () => {
    const few = { ...SPEC, epochs: 2, selectEvery: 0, controls: [] };
    const straight = await run('straight', few);
    const config = SwiftLearnConfig.parse(few);
    for (const trial of ['el2n-20pct-seed-3', 'full-seed-3'])
      await runs.run('alone', (context) => runSwiftLearn(config, { ...context, trial }));
    const collected = await run('alone', few);
    assert.ok(!collected.events.some(({ type }) => type === 'metrics' || type === 'checkpoint'));
    assert.deepEqual(withoutClock(await comparisonOf(collected)), withoutClock(await comparisonOf(straight)));
    assert.deepEqual(await jsonOf(collected, 'importance.json'), await jsonOf(straight, 'importance.json'));
    for (const name of ['full-seed-3', 'el2n-20pct-seed-3']) {
      const weights = ({ context }: Run) => readFile(path.join(context.checkpointsDir, name, 'model.safetensors'));
      assert.ok((await weights(collected)).equals(await weights(straight)), name);
    }
  });

  it('leaves out what looks mislabeled, knows how much that is, and goes on with the same bits', async () => {
    const noise = { share: 0.2 };
    const settings = {
      ...SPEC,
      images: { ...IMAGES, augment: { labelSmoothing: 0 }, data: { heldOutShare: 0.5, labelNoise: noise } },
      keep: [0.6],
      skipHardest: 'auto',
      smoothing: 0.5,
      epochs: 7,
      warmupEpochs: 3,
      controls: ['best-epoch', 'label-smoothing', 'robust-loss'],
      keepModels: 'none',
    };
    const noisy = await run('noisy', settings);
    const results = await resultsOf(noisy);
    const outcomes = await trialFilesOf(noisy);
    const { wrong } = selectionOutcome.parse(outcomes.get('el2n-60pct-seed-3'));
    assert.equal(wrong!.truth!.share.toFixed(2), '0.20');
    assert.ok(Math.abs(wrong!.share - 0.2) < 0.1, String(wrong!.share));
    // By chance, both would be 20 %.
    assert.ok(wrong!.truth!.precision > 0.6 && wrong!.truth!.recall > 0.7, JSON.stringify(wrong));
    assert.match(results.notes.join('\n'), /20.0 % were made wrong/);
    const ends = results.points.map(({ name, values }) => [name, values['heldOut/accuracy']!] as const);
    assert.deepEqual(
      ends.map(([name]) => name),
      ['full', 'el2n-60pct', 'label-smoothing', 'robust-loss', 'full-best-epoch'],
    );
    assert.ok(ends.every(([, accuracy]) => accuracy > 30));
    const map = importanceMap.parse(await jsonOf(noisy, 'importance.json'));
    const { trainSamples } = factsOf(results);
    assert.equal(map.labelNoise!.flipped, Math.round(0.2 * trainSamples));
    const { labels, trueLabels } = await arraysOf(noisy, map.labelsFile!);
    const isWrong = labels!.map((label, i) => (label === trueLabels![i] ? 0 : 1));
    assert.equal(
      isWrong.reduce((sum, one) => sum + one, 0),
      map.labelNoise!.flipped,
    );
    const { kept, suspicion } = await arraysOf(noisy, map.passes.at(-1)!.file);
    const pass = map.passes.at(-1)!;
    assert.equal(pass.leftOut, pass.wrong!.listed);
    const listed = [...suspicion!.keys()].sort((a, b) => suspicion![b]! - suspicion![a]! || a - b);
    assert.ok(listed.slice(0, pass.wrong!.listed).every((sample) => kept![sample] === 0));
    assert.ok(isWrong.filter((one, i) => one === 1 && kept![i] === 1).length < 0.4 * map.labelNoise!.flipped);

    // Between two selections, when the estimate of the first passes must be remembered.
    const before = 3 * Math.ceil(trainSamples / 50);
    await cut('noisy-cut', settings, 'el2n-60pct/seed-3', before + Math.ceil((0.6 * trainSamples) / 50) + 7);
    const resumed = await run('noisy-cut', settings);
    assert.deepEqual(await jsonOf(resumed, 'importance.json'), await jsonOf(noisy, 'importance.json'));
    const found = (await trialFilesOf(resumed)).get('el2n-60pct-seed-3');
    assert.deepEqual(
      { ...selectionOutcome.parse(found), curve: [], waitingShare: 0 },
      { ...selectionOutcome.parse(outcomes.get('el2n-60pct-seed-3')), curve: [], waitingShare: 0 },
    );
    assert.deepEqual(
      selectionOutcome.parse(found).curve.map(({ metrics }) => metrics),
      selectionOutcome.parse(outcomes.get('el2n-60pct-seed-3')).curve.map(({ metrics }) => metrics),
    );
  });

  it('goes with grouped heads and with patches that skip, and scores for free while it trains', async () => {
    const images = { ...IMAGES, attention: 'GQKVA-2.2', skip: { start: 1, end: 2 } };
    const made = await run('composed', { ...SPEC, images, scoring: 'training', controls: [], keepModels: 'none' });
    const { trials } = await comparisonOf(made);
    const chosen = trials.find(({ variant }) => variant === 'el2n-20pct')!.curve.at(-1)!;
    assert.equal(chosen.scored, 0);
    assert.ok(chosen.metrics['heldOut/accuracy']! > 0.2);
  });

  it('is a table, a chart and a plan', async () => {
    const results = await comparisonOf(whole);
    const report = tableOf(results);
    assert.deepEqual(
      report.rows.map(([name]) => name),
      results.points.map(({ name }) => name),
    );
    // Who wins, and how many labels look wrong.
    assert.equal(results.notes.length, 2);
    const view = panelView(results, whole.context.checkpointsDir);
    assert.equal(view.axes[0]?.key, 'lessWork');
    assert.ok(view.points.every(({ values }) => values['heldOut/accuracy']! > 20 && values.lessWork! >= 1));
    const plan = await swiftlearn.plan(SwiftLearnConfig.parse(SPEC), { baseDir: runs.folder });
    assert.match(plan.stages.join('\n'), /el2n-20pct: the 20 % of the highest el2n after 1 epoch on all samples/);
    assert.ok(plan.samples! > 0 && plan.seconds! > 0);
  });

  it('refuses what cannot be before anything runs', async () => {
    const plan = (settings: object) =>
      swiftlearn.plan(SwiftLearnConfig.parse({ ...SPEC, ...settings }), { baseDir: runs.folder });
    await assert.rejects(plan({ images: undefined }), { code: 'swiftlearn.data' });
    await assert.rejects(plan({ texts: { encoder: 'nowhere' } }), { code: 'swiftlearn.data' });
    await assert.rejects(plan({ language: {} }), {
      code: 'swiftlearn.data',
      message: 'The spec names images and language.',
    });
    await assert.rejects(plan({ warmupEpochs: 4 }), { code: 'swiftlearn.warmup' });
    await assert.rejects(plan({ scores: ['forgetting'] }), { code: 'swiftlearn.passes' });
  });

  it('trains a text encoder on texts, pads them by length, and finds wrong labels', async () => {
    const random = new Random(1);
    const words = { fruit: ['apple', 'pear', 'plum', 'grape'], tool: ['hammer', 'saw', 'drill', 'wrench'] };
    const flipped: boolean[] = [];
    const lines = Array.from({ length: 1000 }, (_, i) => {
      const kind = i % 2 === 0 ? 'fruit' : 'tool';
      const text = Array.from({ length: 3 + random.int(12) }, () => words[kind][random.int(4)]).join(' ');
      const wrong = i < 800 && random.uniform() < 0.05;
      if (i < 800) flipped.push(wrong);
      const label = wrong === (kind === 'fruit') ? 'tool' : 'fruit';
      // A number makes every text another: the same text in both parts would be removed.
      return { part: i < 800 ? 'train' : 'dev', line: JSON.stringify({ text: `${text} ${i}`, label }) };
    });
    for (const part of ['train', 'dev'])
      await writeFile(
        path.join(runs.folder, `${part}.jsonl`),
        lines.flatMap(({ part: own, line }) => (own === part ? [line] : [])).join('\n'),
      );
    await tinyEncoderFolder(path.join(runs.folder, 'encoder'), Object.values(words).flat());
    const made = await run('texts', {
      texts: { encoder: 'encoder', maxLength: 16, data: { source: 'train.jsonl', heldOut: 'dev.jsonl' } },
      keep: [0.3],
      epochs: 4,
      warmupEpochs: 2,
      seeds: 1,
      controls: ['random'],
      training: { batchSize: 25, learningRate: 5e-3 },
    });
    const { trials } = await comparisonOf(made);
    assert.ok(trials[0]!.curve.at(-1)!.metrics['heldOut/accuracy']! > 0.9);
    const map = importanceMap.parse(await jsonOf(made, 'importance.json'));
    const { suspicion } = await arraysOf(made, map.passes.at(-1)!.file);
    const order = [...suspicion!.keys()].sort((a, b) => suspicion![b]! - suspicion![a]!);
    const listed = new Set(order.slice(0, 80));
    const wrong = flipped.flatMap((is, i) => (is ? [i] : []));
    const found = wrong.filter((i) => listed.has(i)).length;
    assert.ok(
      found >= 0.7 * wrong.length,
      `${found} of ${wrong.length} wrong labels are in the first tenth of the list`,
    );
  });
});
