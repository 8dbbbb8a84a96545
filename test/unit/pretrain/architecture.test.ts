import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pretrain } from '../../../core/methods/pretrain';
import { decoderJson } from '../../../core/methods/pretrain/architecture';
import { PretrainConfig } from '../../../core/methods/pretrain/config';
import { variantName } from '../../../core/protocol/grouping';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import { countParameters } from '../../../core/models/decoder/layout';

const decoderOf = (model: object) => parseDecoderConfig(decoderJson(PretrainConfig.parse({ model }), 4096));
const kindOf = (model: object) => variantName(decoderOf(model).grouping);

describe('The attention of a decoder to train from nothing', () => {
  it('is that of num_key_value_heads, or the one that is named', () => {
    assert.equal(kindOf({}), 'GQA-4');
    assert.equal(kindOf({ num_key_value_heads: 2 }), 'GQA-2');
    for (const attention of ['MHA', 'MQA', 'GQA-2', 'MKVA', 'GKVA-2', 'GQKVA-2.4', 'GQKVA-4.2+K=V'])
      assert.equal(kindOf({ attention }), attention);
    assert.equal(kindOf({ attention: 'gqkva-2.4', num_key_value_heads: 4 }), 'GQKVA-2.4');
  });

  it('is refused where it is none, does not fit, or the spec contradicts itself', () => {
    assert.throws(() => kindOf({ attention: 'FHA' }), { name: 'UserError', code: 'model.variant' });
    assert.throws(() => kindOf({ attention: 'GQKVA-3.2' }), { name: 'UserError', code: 'model.heads' });
    assert.throws(() => kindOf({ attention: 'GQKVA-2.4', num_key_value_heads: 2 }), {
      name: 'UserError',
      code: 'pretrain.heads',
      message: /GQKVA-2\.4, which has 4 key-value heads; model\.num_key_value_heads is 2/,
      fixes: [{ title: 'Set model.num_key_value_heads to 4', key: 'model.num_key_value_heads', value: 4 }],
    });
  });

  it('is in the plan, with the parameters that it leaves', async () => {
    const planned = async (model: object) => {
      const { stages } = await pretrain.plan(PretrainConfig.parse({ model, data: { blockLength: 64 } }), {
        baseDir: import.meta.dirname,
      });
      return stages[1];
    };
    const millions = (model: object) => (countParameters(decoderOf(model)).total / 1e6).toFixed(1);
    const [full, shared] = [{ attention: 'MHA' }, { attention: 'GQKVA-2.4+K=V' }];
    assert.notEqual(millions(full), millions(shared));
    assert.match((await planned(full))!, new RegExp(`${millions(full)} million parameters with MHA attention`));
    assert.ok((await planned(shared))!.includes(`${millions(shared)} million parameters with GQKVA-2.4+K=V attention`));
  });
});
