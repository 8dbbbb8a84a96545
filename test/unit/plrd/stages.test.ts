import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plrd } from '../../../core/methods/plrd';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { isKept, sizesOf, stagesOf, type Stage } from '../../../core/methods/plrd/stages';
import { familyMemory } from '../../../core/methods/plrd/training/memory';
import { recordedSettings } from '../../../core/experiments/spec/recorded-settings';
import { countParameters, flopsPerToken, linearLayers } from '../../../core/models/decoder/layout';
import { tinyConfig } from '../models/tiny';

const parent = tinyConfig({ hidden_size: 64, intermediate_size: 96, num_hidden_layers: 3 });
const layers = linearLayers(parent);
const PER_STEP = 4 * 64;
const BASE = {
  schedule: { values: [0.75, 0.5] },
  rankMultiple: 1,
  training: { batchSize: 4 },
  data: { blockLength: 64 },
  tokensPerStep: 30 * PER_STEP,
};

const stages = (settings: object) => stagesOf(PlrdConfig.parse({ ...BASE, ...settings }), parent, layers);
const names = (settings: object) => stages(settings).map(({ name }) => name);
const named = (made: readonly Stage[], name: string) => made.find((stage) => stage.name === name)!;
const flops = (settings: object = {}) =>
  sizesOf(PlrdConfig.parse({ ...BASE, ...settings }), parent, layers).map(({ decoder }) => flopsPerToken(decoder, 32));
const near = (value: number, expected: number, by: number) => {
  assert.ok(Math.abs(value - expected) <= by, `${value} for ${expected}`);
};

describe('the stages of a nested family', () => {
  it('are one training of all sizes, which are its parts', () => {
    const made = stages({});
    assert.deepEqual(
      made.map(({ name, kind, from, steps, trainedSteps }) => [name, kind, from, steps, trainedSteps]),
      [
        ['nested-75pct', 'nested', undefined, 60, 60],
        ['nested-50pct', 'nested', 'nested-75pct', 0, 60],
        ['truncation-75pct', 'truncation', undefined, 0, 0],
        ['truncation-50pct', 'truncation', undefined, 0, 0],
        ...['separate-75pct', 'separate-50pct', 'one-shot-50pct'].map((name) => {
          const { kind, steps } = named(made, name);
          return [name, kind, undefined, steps, steps];
        }),
      ],
    );
    assert.deepEqual(made.filter(isKept).length, 5);
  });

  it('have controls of the same cost: all of it for one size, and an equal share for each', () => {
    for (const distillation of [{ weight: 0 }, { weight: 0.5 }]) {
      const made = stages({ distillation, controls: { oneShot: 'all' } });
      const family = named(made, 'nested-75pct').cost;
      const teacher = distillation.weight === 0 ? 0 : flopsPerToken(parent, 32);
      const [large, small] = flops();
      // Each size is trained on half of the sequences.
      near(family, 60 * (3 * (large! / 2 + small! / 2) + teacher), 1e-6 * family);
      for (const [i, size] of ['75pct', '50pct'].entries()) {
        const step = 3 * [large!, small!][i]! + teacher;
        assert.equal(named(made, `one-shot-${size}`).steps, Math.round(family / step));
        near(named(made, `one-shot-${size}`).cost, family, step / 2);
        near(named(made, `separate-${size}`).cost, family / 2, step / 2);
      }
    }
  });

  it('have controls on as many tokens, if asked', () => {
    const made = stages({ controls: { match: 'tokens' } });
    assert.equal(named(made, 'one-shot-50pct').steps, 60);
    assert.equal(named(made, 'separate-75pct').steps, 30);
  });

  it('take a third of the steps where each trains three sizes, at about the same cost', () => {
    const settings = { schedule: { values: [0.75, 0.6, 0.5, 0.4] } };
    const [one, three] = ['one', 'sandwich'].map((sizesPerStep) =>
      named(stages({ ...settings, nested: { sizesPerStep, shares: [1, 1, 1, 1] } }), 'nested-75pct'),
    );
    assert.equal(three!.steps, one!.steps / 3);
    assert.ok(three!.cost < one!.cost);
  });

  it('cost what their parts of the sequences cost where each step trains all sizes', () => {
    const settings = { nested: { sizesPerStep: 'all', shares: [1, 3] }, distillation: { weight: 0 } };
    const whole = named(stages(settings), 'nested-75pct');
    const [large, small] = flops();
    near(whole.cost, 60 * 3 * (large! / 4 + (3 * small!) / 4), 1e-6 * whole.cost);
    assert.throws(() => stages({ ...settings, training: { batchSize: 1 } }), {
      code: 'plrd.nested-batch',
      message: /^training.batchSize is 1, but each step trains 2 sizes/,
    });
  });

  it('cost what their halves cost where the sequences of a step are odd in number', () => {
    const settings = { nested: { sizesPerStep: 'split' }, distillation: { weight: 0 } };
    const whole = named(stages({ ...settings, training: { batchSize: 3 } }), 'nested-75pct');
    const [large, small] = flops();
    // Half of the draws are the smallest; in the others, it has two of three sequences.
    near(whole.cost, whole.steps * 3 * (small! / 2 + (2 * small! + large!) / 6), 1e-6 * whole.cost);
    assert.throws(() => stages({ ...settings, training: { batchSize: 1 } }), { code: 'plrd.nested-batch' });
  });

  it('do not pay for a parent where the largest size is the teacher', () => {
    const nested = { sizesPerStep: 'one' };
    const cost = (distillation: object) => named(stages({ distillation, nested }), 'nested-75pct').cost;
    const [large] = flops();
    const plain = cost({ weight: 0 });
    near(cost({ weight: 0.9 }) - plain, 60 * flopsPerToken(parent, 32), 1e-6 * plain);
    // In the steps that train another size.
    near(cost({ weight: 0.9, teacher: 'largest' }) - plain, 30 * large!, 1e-6 * plain);
  });
});

describe('the stages of a progressive family', () => {
  const progressive = { families: ['progressive'] };

  it('make each member from the one before on fresh text', () => {
    assert.deepEqual(
      stages({ ...progressive, controls: { truncation: false, oneShot: 'none', oneShotFamily: false } }).map(
        ({ name, from, steps, offset, trainedSteps, familySteps }) => [
          name,
          from,
          steps,
          offset,
          trainedSteps,
          familySteps,
        ],
      ),
      [
        ['member-1-75pct', undefined, 30, 0, 30, 60],
        ['member-2-50pct', 'member-1-75pct', 30, 30, 60, 60],
      ],
    );
  });

  it('divide its training as asked, to the step', () => {
    const made = stages({ ...progressive, progressive: { shares: [1, 4] } });
    assert.deepEqual(
      made.slice(0, 2).map(({ steps, offset }) => [steps, offset]),
      [
        [12, 0],
        [48, 12],
      ],
    );
    assert.throws(() => stages({ ...progressive, progressive: { shares: [1, 2, 3] } }), {
      code: 'plrd.progressive-shares',
      message: /progressive\.shares has 3 values for 2 sizes/,
    });
  });

  it('are compared with a nested family of as many tokens', () => {
    const made = stages({ families: ['nested', 'progressive'] });
    assert.deepEqual(
      made.slice(0, 4).map(({ name, trainedSteps }) => [name, trainedSteps]),
      [
        ['nested-75pct', 60],
        ['nested-50pct', 60],
        ['member-1-75pct', 30],
        ['member-2-50pct', 60],
      ],
    );
  });

  it('of an older run are what they were: a one-shot for a size has seen what its member has', () => {
    const recorded = {
      ...BASE,
      controls: { truncation: true, oneShot: 'all' },
      distillation: { weight: 0, temperature: 1 },
    };
    const config = PlrdConfig.parse(recordedSettings({ ...recorded, schedule: { values: [0.75, 0.6, 0.5] } }, plrd));
    assert.deepEqual(
      stagesOf(config, parent, layers).map(({ name, steps, offset }) => [name, steps, offset]),
      [
        ['member-1-75pct', 30, 0],
        ['member-2-60pct', 30, 30],
        ['member-3-50pct', 30, 60],
        ['truncation-75pct', 0, 0],
        ['truncation-60pct', 0, 0],
        ['truncation-50pct', 0, 0],
        ['one-shot-60pct', 60, 0],
        ['one-shot-50pct', 90, 0],
      ],
    );
  });
});

describe('the stages of any family', () => {
  it('have the controls that are asked for', () => {
    const none = { truncation: false, oneShot: 'none', oneShotFamily: false };
    const of = (controls: object) => names({ controls: { ...none, ...controls } }).slice(2);
    assert.deepEqual(of({}), []);
    assert.deepEqual(of({ truncation: true }), ['truncation-75pct', 'truncation-50pct']);
    assert.deepEqual(of({ oneShot: 'last' }), ['one-shot-50pct']);
    assert.deepEqual(of({ oneShot: 'all' }), ['one-shot-75pct', 'one-shot-50pct']);
    assert.deepEqual(of({ oneShotFamily: true }), ['separate-75pct', 'separate-50pct']);
  });

  it('tell members of nearly the same size apart', () => {
    const made = names({ schedule: { values: [0.752, 0.748, 0.5] }, controls: { oneShot: 'all' } });
    assert.equal(new Set(made).size, 12);
    assert.ok(made.includes('truncation-75.2pct') && made.includes('truncation-74.8pct'));
  });

  it('hand on the ranks of a schedule of ranks', () => {
    const made = stages({ schedule: { by: 'rank', values: [16, 8] } });
    assert.deepEqual(
      made.slice(0, 2).map(({ rank }) => rank),
      [16, 8],
    );
  });
});

describe('the memory of a family', () => {
  const settings = (changes: object) => PlrdConfig.parse({ ...BASE, distillation: { weight: 0 }, ...changes });
  const sizes = sizesOf(settings({}), parent, layers).map(({ decoder }) => decoder);
  const device = { provider: 'webgpu', threads: 1 } as const;
  const memory = (changes: object, training = {}) => {
    const config = settings(changes);
    return familyMemory(config, { ...config.training, ...training }, parent, sizes, layers, device);
  };
  const alone = memory({ families: ['progressive'] });

  it('counts a teacher', () => {
    const taught = memory({ families: ['progressive'], distillation: { weight: 1 } });
    assert.ok(taught - alone > 4 * countParameters(parent).total);
  });

  it('counts the steps of all sizes, which are compiled separately, and the batches of a sandwich', () => {
    const one = memory({ nested: { sizesPerStep: 'one' } });
    const sandwich = memory({ nested: { sizesPerStep: 'sandwich' } });
    assert.ok(alone < one && one < sandwich);
  });

  it('is less with recomputation, and with a smaller batch', () => {
    assert.ok(memory({ families: ['progressive'] }, { checkpointActivations: true }) < alone);
    assert.ok(memory({ families: ['progressive'] }, { batchSize: 1 }) < alone);
  });
});
