import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRuntime } from '../../../core/engine/runtime/create';
import { variantName } from '../../../core/protocol/grouping';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { countParameters } from '../../../core/models/decoder/layout';
import { sample } from '../../../core/models/sample';
import { checkpoint, DATA, pointsOf, Studio } from './studio';

const TRAINING = { batchSize: 4, learningRate: 1e-2 };
const ATTENTION = 'GQKVA-2.2+K=V';

describe('A parent whose heads are shared', () => {
  let studio: Studio;
  before(async () => {
    studio = await Studio.open();
  });
  after(() => studio.close());

  it('is trained from nothing, has a smaller member, and both write', async () => {
    const parent = await studio.pretrain('parent', {
      model: {
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        attention: ATTENTION,
        max_position_embeddings: 128,
      },
      vocabulary: 320,
      data: DATA,
      epochs: 0.3,
      training: TRAINING,
      evaluateEvery: 1000,
    });
    const family = await studio.plrd('family', {
      parent: 'runs/parent/checkpoints/final',
      data: DATA,
      schedule: { values: [0.5] },
      rankMultiple: 1,
      tokensPerStep: 6 * TRAINING.batchSize * DATA.blockLength,
      training: TRAINING,
      families: ['progressive'],
      controls: { truncation: false, oneShot: 'none', oneShotFamily: false },
      evaluation: { tokens: 600, cloze: 0, speed: true },
    });
    const folders = [checkpoint(parent, 'final'), checkpoint(family, 'member-1-50pct')] as const;
    const [large, small] = [await loadDecoder(folders[0]), await loadDecoder(folders[1])];
    for (const { config } of [large, small]) assert.equal(variantName(config.grouping), ATTENTION);
    assert.ok(countParameters(small.config).linear < 0.55 * countParameters(large.config).linear);
    assert.ok(Object.keys(small.config.ranks).some((name) => name.endsWith('.k_proj')));
    const runtime = createRuntime({ provider: 'cpu', threads: 1 });
    try {
      const greedy = { prompt: 'Anna went', maxTokens: 8, temperature: 0, topK: 0, topP: 1, seed: 1 };
      for (const folder of folders) {
        let text = '';
        for await (const piece of sample(runtime, { checkpoint: folder, ...greedy })) text += piece;
        assert.notEqual(text, '');
      }
    } finally {
      await runtime.dispose();
    }
    assert.ok(Number.isFinite((await pointsOf(family))['member-1-50pct']!.perplexity));
  });
});
