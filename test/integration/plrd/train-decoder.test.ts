import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { EMBEDDING } from '../../../core/models/decoder/layout';
import { Nursery } from './nursery';

describe('trainDecoder', () => {
  let nursery: Nursery;
  before(async () => {
    nursery = await Nursery.open();
  });
  after(() => nursery.close());

  it('reads the stream of data from where an earlier phase left it', async () => {
    assert.deepEqual((await nursery.train('first', {})).asked, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual((await nursery.train('later', { dataOffset: 4 })).asked, [8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it('saves by time a whole model that a later call continues from', async () => {
    const { events, trained, embedding, dir } = await nursery.train('timed', { checkpointSeconds: 1e-9 });
    const saved = events.filter((event) => event.type === 'checkpoint').map(({ step }) => step);
    assert.deepEqual(saved, [1, 2, 3]);
    assert.deepEqual((await loadDecoder(dir)).parameters[EMBEDDING], embedding);
    const again = await nursery.train('timed', {});
    assert.deepEqual(again.asked, [6, 7]);
    assert.deepEqual(again.trained.parameters, trained.parameters);
  });

  it('reports every step, in tokens too, and evaluates as often as asked', async () => {
    const { events } = await nursery.train('reports', {});
    const metrics = events.filter((event) => event.type === 'metrics');
    const steps = metrics.filter(({ values }) => 'loss' in values);
    assert.deepEqual(
      steps.map(({ step, tokens, phase }) => [step, tokens, phase]),
      [1, 2, 3, 4].map((step) => [step, step * 2 * 2 * 8, 'test']),
    );
    const evaluations = metrics.filter(({ values }) => 'heldOut/perplexity' in values);
    assert.deepEqual(
      evaluations.map(({ step }) => step),
      [2, 4],
    );
  });
});
