import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readMeta } from '../../../core/checkpoint/training-state';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { runPlrd } from '../../../core/methods/plrd/pipeline';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { countParameters } from '../../../core/models/decoder/layout';
import { leadingParameters } from '../../../core/models/decoder/nested';
import { asStored } from '../../../core/models/stored';
import type { RunEvent } from '../../../core/protocol/events';
import { resultsOf, type Watch } from '../run-folder';
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

const NAMES = ['nested-45pct', 'nested-35pct', 'nested-25pct'] as const;
const [WHOLE] = NAMES;
const FAMILY = {
  parent: PARENT,
  data: DATA,
  decomposition: 'plain',
  allocation: 'uniform',
  schedule: { values: [0.45, 0.35, 0.25] },
  rankMultiple: 1,
  tokensPerStep: tokensOf(20),
  training: { ...TRAINING, learningRate: 5e-3 },
  controls: { truncation: true, oneShot: 'none', oneShotFamily: true },
  evaluation: { tokens: 1500, cloze: 8, speed: false },
};
const SHORT = {
  ...FAMILY,
  tokensPerStep: tokensOf(6),
  controls: { truncation: false, oneShot: 'none', oneShotFamily: false },
  evaluation: { ...FAMILY.evaluation, cloze: 0 },
};

describe('A nested family', () => {
  let studio: Studio;
  let family: Run;
  before(async () => {
    studio = await Studio.open();
    await studio.parent();
    family = await studio.plrd('family', FAMILY);
  });
  after(() => studio.close());

  it('is one model, whose leading components are its members', async () => {
    const whole = await loadDecoder(checkpoint(family, WHOLE));
    const points = await pointsOf(family);
    assert.deepEqual(
      whole.config.nested,
      NAMES.map((name) => points[name]!.ranks),
    );
    for (const [i, name] of NAMES.entries()) {
      const member = await loadDecoder(checkpoint(family, name));
      const { total, linear } = countParameters(member.config);
      assert.deepEqual([total, linear], [points[name]!.parameters, points[name]!.linearParameters]);
      assert.deepEqual(member.config.nested, i === 0 ? whole.config.nested : []);
      const part = leadingParameters(whole.parameters, whole.config.ranks, member.config.ranks);
      assert.deepEqual(member.parameters, asStored(part, 'F16'));
    }
  });

  it('recovers at every size, better than separate models of the same cost together', async () => {
    const points = await pointsOf(family);
    for (const name of NAMES) {
      const size = name.slice('nested-'.length);
      const [own, truncated, separate] = [name, `truncation-${size}`, `separate-${size}`].map((one) => points[one]!);
      assert.ok(own!.loss < truncated!.loss - 0.1, `${size}: ${own!.loss} and ${truncated!.loss}`);
      // The smaller the size, the more it gains from the training of the others.
      const margin = name === NAMES[2] ? -0.02 : 0.01;
      assert.ok(own!.loss < separate!.loss + margin, `${size}: ${own!.loss} and ${separate!.loss}`);
      assert.ok(Math.abs(3 * separate!.trainingFlops! - own!.trainingFlops!) < 0.05 * own!.trainingFlops!, size);
      assert.equal(own!.trainedTokens, 3 * FAMILY.tokensPerStep);
    }
    const { points: made, notes } = await resultsOf(family);
    const from = Object.fromEntries(made.map(({ name, madeFrom }) => [name, madeFrom]));
    assert.deepEqual(
      NAMES.map((name) => from[name]),
      ['parent', WHOLE, WHOLE],
    );
    assert.match(
      notes[0]!,
      /^All sizes for the same cost: the family against a separate model .* The nested family wins at /,
    );
    const [headline] = family.events.filter((event) => event.type === 'result');
    assert.equal(headline!.phase, NAMES[2]);
  });

  it('tells the perplexity of every size while it trains', () => {
    const told = family.events.flatMap((event) =>
      event.type === 'metrics' && event.phase === WHOLE && 'heldOut/perplexity/25pct' in event.values
        ? [event.values]
        : [],
    );
    assert.ok(told.length >= 3);
    for (const values of told)
      assert.deepEqual(
        Object.keys(values),
        NAMES.map((name) => `heldOut/perplexity/${name.slice('nested-'.length)}`),
      );
    assert.ok(told.at(-1)!['heldOut/perplexity/25pct']! < told[0]!['heldOut/perplexity/25pct']!);
  });

  it('ends with the same bytes when it is stopped and goes on, or is made trial by trial', async () => {
    const whole = await studio.plrd('whole', SHORT);
    for (const step of [3, 11]) {
      const controller = new AbortController();
      const reason = new Error('stopped by the test');
      const at = isStep(WHOLE, step);
      const onEvent = (event: RunEvent) => {
        if (at(event)) controller.abort(reason);
      };
      await assert.rejects(studio.plrd('cut', SHORT, { signal: controller.signal, onEvent }), (e) => e === reason);
      assert.equal((await readMeta(path.join(studio.folder, 'runs/cut/checkpoints/last')))?.step, step);
    }
    const resumed = await studio.plrd('cut', SHORT);
    const config = PlrdConfig.parse(SHORT);
    const alone = (trial: string, watch?: Watch) =>
      studio.run('alone', (context) => runPlrd(config, { ...context, trial }), watch);
    await assert.rejects(alone(NAMES[2]), { code: 'trial.too-early', hint: `Run ${WHOLE} first.` });
    for (const name of [WHOLE, NAMES[2], NAMES[1]]) await alone(name);
    const collected = await studio.plrd('alone', SHORT);
    for (const name of NAMES)
      for (const run of [resumed, collected]) assert.deepEqual(await weights(run, name), await weights(whole, name));
    assert.deepEqual(
      (await modelsOf(collected)).map(({ loss }) => loss),
      (await modelsOf(whole)).map(({ loss }) => loss),
    );
  });

  it('has every other schedule beside it, over several seeds', async () => {
    const run = await studio.plrd('several', {
      ...SHORT,
      schedule: { values: [0.45, 0.25] },
      families: ['nested', 'progressive'],
      seeds: 2,
      progressive: { learningRate: 'once', shares: [1, 2] },
      controls: { truncation: true, oneShot: 'last', oneShotFamily: true },
    });
    const { points, notes, table } = await resultsOf(run);
    const seeds = Object.fromEntries(points.map((point) => [point.name, point.seeds]));
    const both = [SEED, SEED + 1];
    assert.deepEqual(seeds, {
      parent: [SEED],
      'nested-45pct': both,
      'nested-25pct': both,
      'member-1-45pct': both,
      'member-2-25pct': both,
      'truncation-45pct': [SEED],
      'truncation-25pct': [SEED],
      'separate-45pct': both,
      'separate-25pct': both,
      'one-shot-25pct': both,
    });
    const [nested] = points.filter(({ name }) => name === 'nested-25pct');
    assert.ok(nested!.spread!.perplexity! > 0);
    assert.equal(nested!.checkpoint, `nested-25pct-seed-${SEED}`);
    assert.ok(notes.some((note) => note.startsWith('The family against a progressive one')));
    assert.match(table.legend.at(-1)!, /2 seeds/);
    // One warm-up and one decay over both members: the second goes on where the first ended.
    const rates = (phase: string) =>
      run.events.flatMap((event) =>
        event.type === 'metrics' && event.phase === phase && 'learningRate' in event.values
          ? [event.values.learningRate]
          : [],
      );
    const [first, second] = [rates(`member-1-45pct-seed-${SEED}`), rates(`member-2-25pct-seed-${SEED}`)];
    assert.deepEqual([first.length, second.length], [4, 8]);
    assert.ok(second[0]! < first.at(-1)! && second[0]! > 0.5 * FAMILY.training.learningRate);
  });

  it('is trained in other ways: three sizes a step, the largest as the teacher, hidden states', async () => {
    for (const [name, settings] of Object.entries({
      sandwich: { nested: { sizesPerStep: 'sandwich', shares: [1, 2, 3] } },
      split: { nested: { sizesPerStep: 'split' }, distillation: { hidden: 0.1 } },
      all: { nested: { sizesPerStep: 'all', shares: [1, 1, 2] } },
      largest: { distillation: { teacher: 'largest', weight: 0.5 } },
      'largest-hidden': {
        nested: { sizesPerStep: 'sandwich' },
        distillation: { teacher: 'largest', weight: 0.4, hidden: 0.3, temperature: 2 },
      },
      hidden: { distillation: { weight: 0.3, hidden: 0.5 } },
      linear: { train: 'linear', training: { ...FAMILY.training, batchSize: 3, accumulate: 2 } },
    })) {
      const run = await studio.plrd(name, { ...SHORT, ...settings });
      const { [WHOLE]: largest, ...others } = await pointsOf(run);
      assert.ok(largest!.perplexity < largest!.perplexityBeforeTraining!, name);
      for (const member of NAMES.slice(1)) assert.ok(Number.isFinite(others[member]!.perplexity), name);
    }
  });
});
