import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withGrouping } from '../../../core/models/attention/config-keys';
import { parseVariant } from '../../../core/protocol/grouping';
import { parseVitConfig } from '../../../core/models/vit/config';
import { countVitParameters } from '../../../core/models/vit/layout';
import { attentionName, headFacts, meetings, projectionSizes } from '../../../core/protocol/heads';

const SMALL = {
  model_type: 'vit',
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 12,
  num_attention_heads: 6,
  num_labels: 1000,
  qkv_bias: false,
};

describe('the heads of a model', () => {
  for (const variant of ['MHA', 'GKVA-3', 'MKVA', 'GQA-2', 'MQA', 'GQKVA-2.3', 'GQKVA-3.2', 'GQA-3+K=V'])
    it(`save in ${variant} what its config.json is smaller by, and every attention head is somewhere once`, () => {
      const json = withGrouping(SMALL, parseVariant(variant, 6));
      const facts = headFacts(json)!;
      assert.equal(attentionName(facts), variant);
      const saved = projectionSizes(facts).reduce((sum, { parameters, full }) => sum + full - parameters, 0);
      const size = (config: object) => countVitParameters(parseVitConfig(config));
      assert.equal(saved, size(SMALL) - size(json));
      assert.deepEqual(
        [...meetings(facts).values()].sort((a, b) => a - b),
        [1, 2, 3, 4, 5, 6],
      );
    });

  it('of a decoder are in keys of its own, and what is no transformer has none', () => {
    const facts = headFacts({ num_attention_heads: 8, num_key_value_heads: 2, hidden_size: 64, num_hidden_layers: 2 });
    assert.equal(facts && attentionName(facts), 'GQA-2');
    assert.equal(headFacts({ hidden_size: 64 }), undefined);
    assert.equal(
      headFacts({ num_attention_heads: 8, num_key_value_heads: 3, hidden_size: 64, num_hidden_layers: 2 }),
      undefined,
    );
  });
});
