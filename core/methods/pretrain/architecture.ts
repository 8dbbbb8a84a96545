import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { parseVariant } from '../../protocol/grouping';
import { withDecoderGrouping } from '../../models/decoder/config';
import type { PretrainConfig } from './config';

type Settings = Pick<PretrainConfig, 'model'>;

/** For specs that do not set it: the largest of these that divides the attention heads. */
const KEY_VALUE_HEADS = [4, 2, 1];

/**
 * `config.json` of a decoder to train from scratch.
 * @throws UserError `model.variant`, `model.heads`, `pretrain.heads` if the settings contradict each other
 */
export function decoderJson({ model }: Settings, vocabulary: number): Record<string, unknown> {
  const { attention, num_key_value_heads: kvHeads, ...rest } = model;
  const json = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...rest,
    num_key_value_heads: kvHeads ?? KEY_VALUE_HEADS.find((heads) => rest.num_attention_heads % heads === 0),
    vocab_size: vocabulary,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
  };
  if (attention === undefined) return json;
  const grouping = parseVariant(attention, rest.num_attention_heads);
  if (kvHeads !== undefined && kvHeads !== grouping.kvHeads)
    throw new UserError(
      'pretrain.heads',
      l10n.t`model.attention is ${attention}, which has ${grouping.kvHeads} key-value heads; model.num_key_value_heads is ${kvHeads}.`,
      l10n.t('Leave out one of them.'),
      {
        fixes: [
          {
            title: l10n.t`Set model.num_key_value_heads to ${grouping.kvHeads}`,
            key: 'model.num_key_value_heads',
            value: grouping.kvHeads,
          },
        ],
      },
    );
  return withDecoderGrouping(json, grouping);
}

/** `config.json` of an encoder to train from scratch; settings that only decoders have are ignored. */
export const encoderJson = ({ model }: Settings, vocabulary: number): Record<string, unknown> => ({
  architectures: ['BertForMaskedLM'],
  model_type: 'bert',
  hidden_size: model.hidden_size,
  intermediate_size: model.intermediate_size,
  num_hidden_layers: model.num_hidden_layers,
  num_attention_heads: model.num_attention_heads,
  max_position_embeddings: model.max_position_embeddings,
  type_vocab_size: 2,
  vocab_size: vocabulary,
  layer_norm_eps: 1e-12,
  hidden_act: 'gelu',
  initializer_range: 0.02,
  pad_token_id: 0,
});
