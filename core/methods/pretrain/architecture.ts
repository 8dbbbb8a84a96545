import type { PretrainConfig } from './config';

type Settings = Pick<PretrainConfig, 'model'>;

/** `config.json` of the decoder to train from nothing. */
export const decoderJson = ({ model }: Settings, vocabulary: number): Record<string, unknown> => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  ...model,
  vocab_size: vocabulary,
  rms_norm_eps: 1e-6,
  hidden_act: 'silu',
});

/** `config.json` of the encoder to train from nothing: what of the settings is not of decoders alone. */
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
