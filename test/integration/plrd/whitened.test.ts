import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { countParameters } from '../../../core/models/decoder/layout';
import { checkpoint, DATA, PARENT, pointsOf, SEED, Studio, tokensOf, TRAINING } from './studio';

const FAMILY = {
  parent: PARENT,
  data: DATA,
  schedule: { values: [0.45, 0.25] },
  rankMultiple: 1,
  tokensPerStep: tokensOf(6),
  training: { ...TRAINING, learningRate: 5e-3 },
  controls: { truncation: true, oneShot: 'none', oneShotFamily: false },
  evaluation: { tokens: 1500, cloze: 0, speed: false },
};

describe('A family by what its parent does with the text', () => {
  let studio: Studio;
  before(async () => {
    studio = await Studio.open();
    await studio.parent();
  });
  after(() => studio.close());

  it('loses less by truncation than by singular values of the weights, within the same budget, and says on which text', async () => {
    const settings = { ...FAMILY, families: ['progressive'], calibration: { blocks: 12 } };
    const simple = { ...settings, decomposition: 'plain', allocation: 'uniform' };
    const plain = await pointsOf(await studio.plrd('plain', simple));
    const own = { ...settings, decomposition: 'whitened', allocation: 'sensitivity' };
    const run = await studio.plrd('whitened', own);
    const whitened = await pointsOf(run);
    for (const [i, size] of ['45pct', '25pct'].entries()) {
      const [ours, theirs] = [whitened[`truncation-${size}`]!, plain[`truncation-${size}`]!];
      assert.ok(ours.loss < theirs.loss - 0.02, `${size}: ${ours.loss}, not below ${theirs.loss}`);
      assert.ok(ours.linearParameters <= FAMILY.schedule.values[i]! * whitened.parent!.linearParameters);
      assert.deepEqual(ours.calibration, { blocks: 12, tokens: 12 * DATA.blockLength, seed: SEED });
      assert.equal(theirs.calibration, undefined);
    }
    const { config } = await loadDecoder(checkpoint(run, 'member-2-25pct'));
    assert.equal(countParameters(config).linear, whitened['member-2-25pct']!.linearParameters);
  });

  it('can be one nested model with measured ranks', async () => {
    const own = {
      families: ['nested'],
      calibration: { blocks: 12 },
      decomposition: 'fisher',
      allocation: 'sensitivity',
    };
    const run = await studio.plrd('nested', { ...FAMILY, ...own });
    const points = await pointsOf(run);
    const { config } = await loadDecoder(checkpoint(run, 'nested-45pct'));
    assert.equal(config.nested.length, 2);
    for (const [i, ranks] of config.nested.entries()) {
      assert.deepEqual(Object.keys(ranks).sort(), Object.keys(config.ranks).sort());
      const kept = countParameters({ ...config, nested: [], ranks }).linear;
      assert.ok(kept <= FAMILY.schedule.values[i]! * points.parent!.linearParameters);
    }
  });
});
