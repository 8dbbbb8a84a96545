import { UserError } from '../../errors';
import { parseVariant } from '../../models/attention/grouping';
import { withDecoderGrouping } from '../../models/decoder/config';
import type { PretrainConfig } from './config';

/** Of a spec that says nothing of the heads' sharing. */
const KEY_VALUE_HEADS = 4;

/**
 * `config.json` of the Llama that a spec describes, its vocabulary not included.
 * @throws UserError `model.variant`, `model.heads`, `pretrain.heads` where the spec contradicts itself
 */
export function architectureJson({
  attention,
  num_key_value_heads: kvHeads,
  ...rest
}: PretrainConfig['model']): Record<string, unknown> {
  const json = { model_type: 'llama', ...rest, num_key_value_heads: kvHeads ?? KEY_VALUE_HEADS };
  if (attention === undefined) return json;
  const grouping = parseVariant(attention, rest.num_attention_heads);
  if (kvHeads !== undefined && kvHeads !== grouping.kvHeads)
    throw new UserError(
      'pretrain.heads',
      `model.attention is ${attention}, which has ${grouping.kvHeads} key-value heads; model.num_key_value_heads is ${kvHeads}.`,
      'Leave out one of them.',
      {
        fixes: [
          {
            title: `Set model.num_key_value_heads to ${grouping.kvHeads}`,
            key: 'model.num_key_value_heads',
            value: grouping.kvHeads,
          },
        ],
      },
    );
  return withDecoderGrouping(json, grouping);
}
