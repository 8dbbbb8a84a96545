import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fingerprintModel } from '../../../core/checkpoint/fingerprint';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { createRuntime } from '../../../core/engine/runtime/create';
import type { RunEvent } from '../../../core/protocol/events';
import { plrd } from '../../../core/methods/plrd';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { runPlrd } from '../../../core/methods/plrd/pipeline';
import { pretrainArtifact } from '../../../core/methods/pretrain/artifacts';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { countParameters, EMBEDDING } from '../../../core/models/decoder/layout';
import { sample } from '../../../core/models/sample';
import { readMeta } from '../../../core/checkpoint/training-state';
import {
  checkpoint,
  DATA,
  isStep,
  modelsOf,
  PARENT,
  pointsOf,
  type Run,
  SEED,
  Studio,
  tokensOf,
  TRAINING,
  weights,
} from './studio';
import { resultsOf, type Watch } from '../run-folder';

const MEMBERS = ['member-1-45pct', 'member-2-25pct'] as const;
const FAMILY = {
  families: ['progressive'],
  decomposition: 'plain',
  allocation: 'uniform',
  distillation: { weight: 0 },
  parent: PARENT,
  data: DATA,
  schedule: { values: [0.45, 0.25] },
  rankMultiple: 1,
  tokensPerStep: tokensOf(30),
  training: { ...TRAINING, learningRate: 5e-3 },
  controls: { truncation: true, oneShot: 'all', oneShotFamily: false, match: 'seen' },
  evaluation: { tokens: 1500, cloze: 8, speed: false },
};
const SHORT = {
  ...FAMILY,
  tokensPerStep: tokensOf(12),
  controls: { truncation: false, oneShot: 'none', oneShotFamily: false },
  evaluation: { ...FAMILY.evaluation, cloze: 0 },
};

async function fingerprint(dir: string): Promise<string> {
  const folder = await openModelFolder(dir);
  try {
    return await fingerprintModel(folder);
  } finally {
    await folder.close();
  }
}

describe('A parent and its family', () => {
  let studio: Studio;
  let pretraining: Run;
  let family: Run;
  before(async () => {
    studio = await Studio.open();
    pretraining = await studio.parent();
    family = await studio.plrd('family', { ...FAMILY, evaluation: { ...FAMILY.evaluation, speed: true } });
  });
  after(() => studio.close());

  it('the parent has learned, and says so', async () => {
    const file = path.join(pretraining.context.artifactsDir, 'pretrain.json');
    const { heldOut, steps } = pretrainArtifact.parse(JSON.parse(await readFile(file, 'utf8')));
    assert.ok(heldOut.perplexity < 15, `perplexity ${heldOut.perplexity} over 400 tokens`);
    const meta = await readMeta(checkpoint(pretraining, 'final'));
    assert.equal(meta?.kind, 'model');
    assert.equal(meta.step, steps);
    assert.equal(meta.metrics['heldOut/perplexity'], heldOut.perplexity);
    const { config } = await loadDecoder(checkpoint(pretraining, 'final'));
    assert.equal(config.vocabulary, 400);
  });

  it('writes a trade-off of the parent, the members and the controls', async () => {
    const points = await modelsOf(family);
    const results = await resultsOf(family);
    assert.equal(results.details?.blockLength, DATA.blockLength);
    assert.deepEqual(
      points.map(({ name, kind }) => [name, kind]),
      [
        ['parent', 'parent'],
        [MEMBERS[0], 'member'],
        [MEMBERS[1], 'member'],
        ['truncation-45pct', 'truncation'],
        ['truncation-25pct', 'truncation'],
        ['one-shot-25pct', 'one-shot'],
      ],
    );
    assert.deepEqual(
      results.points.map(({ series, madeFrom, seeds }) => [series, madeFrom, seeds]),
      [
        ['Parent', undefined, [SEED]],
        ['Progressive family', 'parent', [SEED]],
        ['Progressive family', MEMBERS[0], [SEED]],
        ['Truncated, not trained', 'parent', [SEED]],
        ['Truncated, not trained', 'parent', [SEED]],
        ['One shot, trained as long', 'parent', [SEED]],
      ],
    );
    const budget = FAMILY.tokensPerStep;
    assert.deepEqual(
      points.map(({ trainedTokens }) => trainedTokens),
      [0, budget, 2 * budget, 0, 0, 2 * budget],
    );
    for (const point of points) {
      assert.ok(Math.abs(point.perplexity - Math.exp(point.loss)) < 1e-6 * point.perplexity);
      assert.equal(point.tasks.cloze?.questions, 8);
      assert.ok(point.generateTokensPerSecond! > 0);
      assert.equal(point.checkpoint, point.trainedTokens > 0 ? point.name : undefined);
      assert.equal(point.trainTokensPerSecond !== undefined, point.trainedTokens > 0);
    }
    const parent = await loadDecoder(checkpoint(pretraining, 'final'));
    assert.equal(points[0]!.parameters, countParameters(parent.config).total);
  });

  it('has its smallest member for a headline in lists, not by the control that was trained last', async () => {
    const member = (await pointsOf(family))[MEMBERS[1]]!;
    const results = family.events.filter((event) => event.type === 'result');
    assert.equal(results.length, 1);
    assert.equal(results[0]!.phase, MEMBERS[1]);
    assert.equal(results[0]!.values['heldOut/perplexity'], member.perplexity);
    assert.equal(results[0]!.values.parameters, member.parameters);
  });

  it('saves members that load, with the ranks and the size that the trade-off says', async () => {
    const points = await pointsOf(family);
    const parentLinear = points.parent!.linearParameters;
    for (const [name, ratio] of [
      [MEMBERS[0], 0.45],
      [MEMBERS[1], 0.25],
      ['one-shot-25pct', 0.25],
    ] as const) {
      const point = points[name]!;
      const member = await loadDecoder(checkpoint(family, name));
      assert.deepEqual(member.config.ranks, point.ranks);
      assert.equal(Object.keys(point.ranks).length, 14);
      assert.deepEqual(countParameters(member.config), { total: point.parameters, linear: point.linearParameters });
      assert.ok(Math.abs(point.linearParameters / parentLinear - ratio) < 0.06);
      assert.equal(member.json.torch_dtype, 'float16');
    }
    assert.deepEqual(points[MEMBERS[1]]!.ranks, points['truncation-25pct']!.ranks);
    assert.ok(!existsSync(checkpoint(family, 'truncation-25pct')));
  });

  it('recovers by training: members beat truncation by a wide margin at every size', async () => {
    const points = await pointsOf(family);
    for (const [member, truncation] of [
      [points[MEMBERS[0]]!, points['truncation-45pct']!],
      [points[MEMBERS[1]]!, points['truncation-25pct']!],
    ] as const) {
      assert.ok(member.perplexity < member.perplexityBeforeTraining!, member.name);
      assert.ok(member.loss < truncation.loss - 0.1, `${member.loss} and ${truncation.loss}`);
      assert.ok(truncation.loss > points.parent!.loss);
    }
    assert.ok(points['truncation-25pct']!.truncationError! > points['truncation-45pct']!.truncationError!);
  });

  it('records where each member comes from', async () => {
    const parentOf = async (name: string) => (await readMeta(checkpoint(family, name)))?.parent;
    const parent = await fingerprint(checkpoint(pretraining, 'final'));
    assert.equal(await parentOf(MEMBERS[0]), parent);
    assert.equal(await parentOf(MEMBERS[1]), await fingerprint(checkpoint(family, MEMBERS[0])));
    assert.equal(await parentOf('one-shot-25pct'), parent);
  });

  it('does nothing again when it is finished', async () => {
    const before = await modelsOf(family);
    const again = await studio.plrd('family', FAMILY);
    assert.deepEqual(await modelsOf(again), before);
    assert.ok(!again.events.some(({ type }) => type === 'metrics' || type === 'checkpoint' || type === 'artifact'));
  });

  it('ends with the same bytes when it is stopped in the middle of a member and goes on', async () => {
    const whole = await studio.plrd('whole', SHORT);
    // In the first member, in the second, and during the evaluation that follows a step.
    for (const [phase, step] of [
      [MEMBERS[0], 3],
      [MEMBERS[1], 5],
      [MEMBERS[1], 10],
    ] as const) {
      const controller = new AbortController();
      const reason = new Error('stopped by the test');
      const at = isStep(phase, step);
      const onEvent = (event: RunEvent) => {
        if (at(event)) controller.abort(reason);
      };
      const stopped = studio.plrd('cut', SHORT, { signal: controller.signal, onEvent });
      await assert.rejects(stopped, (error) => error === reason);
      const meta = await readMeta(path.join(studio.folder, 'runs/cut/checkpoints/last'));
      assert.deepEqual([meta?.kind, meta?.phase, meta?.step], ['training', phase, step]);
    }
    const resumed = await studio.plrd('cut', SHORT);
    assert.ok(!resumed.events.some(isStep(MEMBERS[1], 10)), 'a step was done twice');
    assert.ok(resumed.events.some(isStep(MEMBERS[1], 11)));
    for (const name of MEMBERS) {
      assert.deepEqual(await weights(resumed, name), await weights(whole, name));
      assert.equal((await pointsOf(resumed))[name]!.loss, (await pointsOf(whole))[name]!.loss);
    }
  });

  it('is made trial by trial as well, each from what is on the disk, and ends with the same bytes', async () => {
    const whole = await studio.plrd('whole', SHORT);
    const config = PlrdConfig.parse(SHORT);
    const alone = (trial: string, watch?: Watch) =>
      studio.run('alone', (context) => runPlrd(config, { ...context, trial }), watch);
    await assert.rejects(alone(MEMBERS[1]), { code: 'trial.too-early', hint: `Run ${MEMBERS[0]} first.` });
    const controller = new AbortController();
    const reason = new Error('stopped by the test');
    const at = isStep(MEMBERS[0], 3);
    const onEvent = (event: RunEvent) => {
      if (at(event)) controller.abort(reason);
    };
    await assert.rejects(alone(MEMBERS[0], { signal: controller.signal, onEvent }), (error) => error === reason);
    const dir = path.join(studio.folder, 'runs', 'alone');
    assert.ok(!existsSync(path.join(dir, 'checkpoints', 'last')), 'others may train at the same time');
    assert.equal((await readMeta(path.join(dir, 'trials', `.${MEMBERS[0]}`, 'last')))?.step, 3);
    const resumed = await alone(MEMBERS[0]);
    assert.ok(!resumed.events.some(isStep(MEMBERS[0], 3)), 'a step was done twice');
    await alone(MEMBERS[1]);
    // The parent is still to be evaluated: the whole run does that, and collects.
    const collected = await studio.plrd('alone', SHORT);
    assert.ok(!collected.events.some(isStep(MEMBERS[1], 1)));
    for (const name of MEMBERS) assert.deepEqual(await weights(collected, name), await weights(whole, name));
    const numbers = async (run: Run) =>
      (await modelsOf(run)).map((model) => ({ ...model, trainTokensPerSecond: undefined }));
    assert.deepEqual(await numbers(collected), await numbers(whole));
    assert.deepEqual(
      (await readdir(path.join(dir, 'trials'))).sort(),
      ['parent.json', ...MEMBERS.map((name) => `${name}.json`)].sort(),
    );
  });

  it('runs as the paper says, and with ranks by energy, which differ among layers', async () => {
    const run = await studio.plrd('paper', { ...SHORT, variant: 'paper' });
    const [member] = (await modelsOf(run)).slice(-1);
    assert.ok(member!.perplexity < member!.perplexityBeforeTraining!);
    const energy = await studio.plrd('energy', { ...SHORT, allocation: 'energy' });
    const { ranks, linearParameters } = (await pointsOf(energy))[MEMBERS[1]]!;
    const parentLinear = (await pointsOf(energy)).parent!.linearParameters;
    assert.ok(linearParameters <= 0.25 * parentLinear);
    const ofKind = Object.entries(ranks).filter(([name]) => name.endsWith('q_proj') || name.endsWith('o_proj'));
    assert.ok(new Set(ofKind.map(([, rank]) => rank)).size > 1);
  });

  it("trains the linear layers alone when asked, with the parent's predictions and micro-batches", async () => {
    const run = await studio.plrd('linear', {
      ...SHORT,
      schedule: { by: 'rank', values: [4] },
      train: 'linear',
      dtype: 'F32',
      training: { ...SHORT.training, batchSize: 2, accumulate: 2 },
      distillation: { weight: 0.5, temperature: 2 },
    });
    const [, point] = await modelsOf(run);
    assert.ok(point!.perplexity < point!.perplexityBeforeTraining!);
    assert.deepEqual(new Set(Object.values(point!.ranks)), new Set([4]));
    const parent = (await loadDecoder(checkpoint(pretraining, 'final'))).parameters;
    const member = (await loadDecoder(checkpoint(run, point!.name))).parameters;
    const kept = Object.keys(member).filter((name) => name === EMBEDDING || name.endsWith('norm.weight'));
    assert.equal(kept.length, 6);
    for (const name of kept) assert.deepEqual(member[name]!.data, parent[name]!.data, name);
  });

  it('branches off a member: smaller still, and its lineage kept', async () => {
    const parent = path.join('runs', 'family', 'checkpoints', MEMBERS[1]);
    const config = { ...SHORT, parent, schedule: { values: [0.15] } };
    const branch = await studio.plrd('branch', config);
    const points = await pointsOf(branch);
    const from = (await pointsOf(family))[MEMBERS[1]]!;
    assert.equal(points.parent!.linearParameters, from.linearParameters);
    const member = points['member-1-15pct']!;
    for (const [name, rank] of Object.entries(member.ranks)) assert.ok(rank < from.ranks[name]!, name);
    const meta = await readMeta(checkpoint(branch, 'member-1-15pct'));
    assert.equal(meta?.parent, await fingerprint(path.join(studio.folder, parent)));
    await assert.rejects(studio.plrd('grow', { ...config, schedule: { values: [0.6] } }), { code: 'plrd.schedule' });
  });

  it('writes text with a member: pieces of one text, the same for the same seed', async () => {
    const runtime = createRuntime({ provider: 'cpu', threads: 1 });
    const write = async (seed: number) => {
      const request = { prompt: 'Anna went to the', maxTokens: 40, temperature: 1.5, topK: 0, topP: 1, seed };
      const pieces: string[] = [];
      for await (const piece of sample(runtime, { checkpoint: checkpoint(family, MEMBERS[1]), ...request }))
        pieces.push(piece);
      return pieces.join('');
    };
    try {
      const text = await write(1);
      assert.ok(text.length > 20, text);
      assert.equal(await write(1), text);
      assert.notEqual(await write(2), text);
    } finally {
      await runtime.dispose();
    }
  });

  it('plans what it will do', async () => {
    const config = PlrdConfig.parse(FAMILY);
    const plan = await plrd.plan(config, { baseDir: studio.folder });
    assert.equal(plan.stages.length, 5);
    assert.equal(plan.tokens, (1 + 1 + 2) * FAMILY.tokensPerStep);
    const { total } = countParameters((await loadDecoder(checkpoint(family, MEMBERS[0]))).config);
    assert.ok(plan.stages[0]!.startsWith(`${MEMBERS[0]}: ${(total / 1e6).toFixed(2)} M parameters`), plan.stages[0]);
    const fingerprints = await plrd.fingerprint(config, { baseDir: studio.folder });
    assert.equal(fingerprints.parent, await fingerprint(checkpoint(pretraining, 'final')));
  });
});
