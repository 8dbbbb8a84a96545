import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import { parseEncoderConfig } from '../../../core/models/encoder/config';
import { parseVitConfig } from '../../../core/models/vit/config';
import { TINY_BERT, TINY_DISTILBERT } from './encoder/tiny';
import { TINY } from './tiny';
import { TINY_VIT } from './vit/tiny';

type Json = Readonly<Record<string, unknown>>;

const FAMILIES: Readonly<Record<string, { json: Json; parse: (json: unknown) => unknown }>> = {
  llama: { json: TINY, parse: parseDecoderConfig },
  mistral: { json: { ...TINY, model_type: 'mistral' }, parse: parseDecoderConfig },
  qwen2: { json: { ...TINY, model_type: 'qwen2' }, parse: parseDecoderConfig },
  bert: { json: TINY_BERT, parse: parseEncoderConfig },
  distilbert: { json: TINY_DISTILBERT, parse: parseEncoderConfig },
  vit: { json: TINY_VIT, parse: parseVitConfig },
  deit: { json: { ...TINY_VIT, model_type: 'deit' }, parse: parseVitConfig },
};

/** Fields of other models, each of which would give other numbers: to be refused whatever the family. */
const CHANGING: Json = {
  attn_logit_softcapping: 50,
  final_logit_softcapping: 30,
  residual_multiplier: 0.22,
  embedding_multiplier: 12,
  attention_multiplier: 0.015625,
  logits_scaling: 8,
  logit_scale: 0.0625,
  query_pre_attn_scalar: 256,
  scale_emb: 12,
  scale_depth: 1.4,
  clip_qkv: 8,
  qk_norm: true,
  use_qk_norm: true,
  qk_layernorm: true,
  partial_rotary_factor: 0.5,
  rotary_pct: 0.25,
  rotary_dim: 64,
  original_max_position_embeddings: 4096,
  rope_local_base_freq: 10_000,
  rope_interleaved: true,
  no_rope_layers: [1, 1, 1, 0],
  attn_temperature_tuning: true,
  parallel_residual: true,
  use_parallel_residual: true,
  post_norm: true,
  norm_after: true,
  norm_type: 'layernorm',
  num_experts: 8,
  num_local_experts: 8,
  num_experts_per_tok: 2,
  moe_intermediate_size: 64,
  n_routed_experts: 64,
  kv_lora_rank: 512,
  per_layer_config: { 0: { hidden_act: 'relu' } },
  alibi: true,
  add_cross_attention: true,
  is_encoder_decoder: true,
  use_mean_pooling: true,
  layerscale_value: 0.1,
  layer_scale_init_value: 0.1,
  use_swiglu_ffn: true,
  num_register_tokens: 4,
  embedding_size: 16,
  pruned_heads: { 0: [1] },
  auto_map: { AutoModel: 'modeling_own.OwnModel' },
  is_causal: false,
  something_new: 1,
  another: 'word',
};

/** Of one family alone. */
const CHANGING_OF: Readonly<Record<string, Json>> = {
  llama: {
    hidden_act: 'gelu',
    head_dim: 7,
    rope_scaling: { rope_type: 'longrope', factor: 2 },
    sliding_window: 8,
    max_position_embeddings: 0,
    winnow: { ranks: {}, later: 1 },
  },
  mistral: { attention_bias: true, mlp_bias: true },
  qwen2: { attention_bias: false, mlp_bias: true, rope_scaling: { type: 'mrope', mrope_section: [2, 1, 1] } },
  bert: {
    hidden_act: 'gelu_new',
    position_embedding_type: 'relative_key_query',
    is_decoder: true,
    rope_theta: 10_000,
    attention_bias: false,
    head_dim: 4,
  },
  distilbert: { activation: 'relu', position_embedding_type: 'relative_key', hidden_size: 24 },
  vit: { hidden_act: 'gelu_fast', image_size: [16, 8], head_dim: 8, winnow: { ranks: { x: 1 } } },
  deit: { hidden_act: 'quick_gelu' },
};

describe('A field that changes what a model computes', () => {
  for (const [family, { json, parse }] of Object.entries(FAMILIES))
    for (const [key, value] of Object.entries({ ...CHANGING, ...CHANGING_OF[family] }))
      it(`refuses a ${family} with ${key} ${JSON.stringify(value)}, by its name`, () => {
        const named = ({ name, code, message, hint }: Error & { code?: string; hint?: string }) =>
          name === 'UserError' && code === 'model.config' && `${message} ${hint}`.includes(key);
        assert.throws(() => parse({ ...json, [key]: value }), named);
      });

  it('is no matter where it is null, as transformers reads it', () => {
    for (const { json, parse } of Object.values(FAMILIES))
      for (const key of Object.keys(CHANGING))
        assert.deepEqual(facts(parse({ ...json, [key]: null })), facts(parse(json)));
  });

  it('is shown cut where it is long', () => {
    assert.throws(
      () => parseDecoderConfig({ ...TINY, long: 'x'.repeat(10_000) }),
      ({ message }: Error) => {
        return message.length < 200;
      },
    );
  });
});

/** A config without its functions. */
const facts = (config: unknown): unknown => JSON.parse(JSON.stringify(config));

/** What transformers 4 wrote (until 4.37 or so all of it), and others beside it. */
const COMMON = {
  _name_or_path: '',
  _attn_implementation_autoset: true,
  add_cross_attention: false,
  architectures: ['SomeClass'],
  bad_words_ids: null,
  begin_suppress_tokens: null,
  bos_token_id: 1,
  chunk_size_feed_forward: 0,
  cross_attention_hidden_size: null,
  decoder_start_token_id: null,
  diversity_penalty: 0.0,
  do_sample: false,
  early_stopping: false,
  encoder_no_repeat_ngram_size: 0,
  eos_token_id: [2, 5],
  exponential_decay_length_penalty: null,
  finetuning_task: null,
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  id2label: { 0: 'LABEL_0', 1: 'LABEL_1' },
  is_encoder_decoder: false,
  label2id: { LABEL_0: 0, LABEL_1: 1 },
  length_penalty: 1.0,
  max_length: 20,
  min_length: 0,
  no_repeat_ngram_size: 0,
  num_beam_groups: 1,
  num_beams: 1,
  num_return_sequences: 1,
  output_attentions: false,
  output_hidden_states: false,
  output_scores: false,
  pad_token_id: 0,
  prefix: null,
  problem_type: null,
  pruned_heads: {},
  remove_invalid_values: false,
  repetition_penalty: 1.0,
  return_dict: true,
  return_dict_in_generate: false,
  sep_token_id: null,
  suppress_tokens: null,
  task_specific_params: null,
  temperature: 1.0,
  tf_legacy_loss: false,
  tie_encoder_decoder: false,
  tokenizer_class: null,
  top_k: 50,
  top_p: 1.0,
  torch_dtype: 'float32',
  torchscript: false,
  transformers_version: '4.44.2',
  typical_p: 1.0,
  use_bfloat16: false,
};

const USUAL: Readonly<Record<string, Json>> = {
  llama: {
    // Of SmolLM2, of a Llama 2, and what fine-tuning leaves.
    is_decoder: false,
    is_llama_config: true,
    rope_interleaved: false,
    'transformers.js_config': { kv_cache_dtype: { q4f16: 'float16' } },
    pretraining_tp: 1,
    rope_scaling: null,
    rope_theta: 10000,
    attention_bias: false,
    attention_dropout: 0.0,
    mlp_bias: false,
    use_cache: true,
    head_dim: null,
    unsloth_version: '2024.9',
    max_sequence_length: 2048,
    quantization_config: null,
    sliding_window: null,
    initializer_range: 0.02,
  },
  mistral: { sliding_window: null, attention_dropout: 0.0, use_cache: true, head_dim: null },
  qwen2: {
    use_mrope: false,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
    attention_dropout: 0.0,
  },
  bert: {
    is_decoder: false,
    attention_probs_dropout_prob: 0.1,
    hidden_dropout_prob: 0.1,
    classifier_dropout: null,
    gradient_checkpointing: false,
    use_cache: true,
    position_embedding_type: 'absolute',
    directionality: 'bidi',
    pooler_fc_size: 768,
    pooler_num_attention_heads: 12,
    pooler_num_fc_layers: 3,
    pooler_size_per_head: 128,
    pooler_type: 'first_token_transform',
  },
  distilbert: {
    is_decoder: false,
    dropout: 0.1,
    attention_dropout: 0.1,
    qa_dropout: 0.1,
    seq_classif_dropout: 0.2,
    sinusoidal_pos_embds: false,
    tie_weights_: true,
  },
  vit: {
    is_decoder: false,
    attention_probs_dropout_prob: 0.0,
    hidden_dropout_prob: 0.0,
    encoder_stride: 16,
    pooler_act: 'tanh',
    pooler_output_size: 24,
  },
  deit: { is_decoder: false, encoder_stride: 16, image_size: [16, 16] },
};

describe('A config as transformers 4 wrote it', () => {
  for (const [family, { json, parse }] of Object.entries(FAMILIES))
    it(`of a ${family} is read, whatever else is in it`, () => {
      const labels = family === 'vit' || family === 'deit' ? { id2label: json.id2label } : {};
      const read = facts(parse({ ...COMMON, ...json, ...USUAL[family], ...labels }));
      assert.deepEqual(read, { ...(facts(parse(json)) as object) });
    });

  it('has the values of the class where a key is missing or null', () => {
    const without = (changes: Json = {}) => {
      const wide = { ...TINY, num_attention_heads: 32, hidden_size: 64, num_key_value_heads: undefined };
      return parseDecoderConfig({ ...wide, ...changes }).grouping.kvHeads;
    };
    assert.equal(without(), 32);
    assert.equal(without({ model_type: 'mistral' }), 8);
    assert.equal(without({ model_type: 'qwen2' }), 32);
    for (const model_type of ['llama', 'mistral', 'qwen2'])
      assert.equal(parseDecoderConfig({ ...TINY, model_type, num_key_value_heads: null }).grouping.kvHeads, 4);
    assert.equal(parseDecoderConfig({ ...TINY, head_dim: null }).headDim, 8);
    assert.equal(parseDecoderConfig({ ...TINY, hidden_act: 'swish' }).headDim, 8);
  });
});

describe('A model that is not computed', () => {
  it('is named by its model_type, with those that are', () => {
    const refused = (json: Json, message: RegExp) => {
      assert.throws(() => parseDecoderConfig(json), {
        code: 'model.config',
        message,
        hint: /llama, mistral, qwen2.*vit/,
      });
    };
    for (const model_type of ['gpt2', 'gemma2', 'mixtral', 'qwen3', 'phi3', 'constructor'])
      refused({ ...TINY, model_type }, new RegExp(`model_type '${model_type}'`));
    refused({ ...TINY, model_type: 'bert' }, /'bert' is a text encoder; a language model is needed/);
    refused({ ...TINY, model_type: undefined }, /has no model_type/);
    refused({ ...TINY, model_type: 3 }, /has no model_type/);
  });
});

describe('The rotary embedding', () => {
  const scaling = { factor: 4, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 };
  const rotary = (changes: Json) => {
    const { ropeTheta, ropeScaling } = parseDecoderConfig({ ...TINY, ...changes });
    return { ropeTheta, ropeScaling };
  };

  it('is the same in every spelling', () => {
    const wanted = { ropeTheta: 500_000, ropeScaling: { rope_type: 'llama3', ...scaling } };
    const old = { rope_theta: 500_000, rope_scaling: { rope_type: 'llama3', ...scaling } };
    const young = { rope_parameters: { rope_theta: 500_000, rope_type: 'llama3', ...scaling } };
    for (const spelling of [
      old,
      young,
      { ...old, ...young },
      { ...old, rope_scaling: { type: 'llama3', ...scaling } },
      { ...old, rope_scaling: { type: 'llama3', rope_type: 'llama3', ...scaling } },
      { ...young, rope_scaling: null },
      { ...young, rope_scaling: {} },
      { ...old, rope_parameters: null },
    ])
      assert.deepEqual(rotary(spelling), wanted, JSON.stringify(spelling));
    const plain = { ropeTheta: 500_000, ropeScaling: { rope_type: 'default' } };
    for (const spelling of [
      { rope_theta: 500_000 },
      { rope_theta: 500_000, rope_scaling: null },
      { rope_theta: 500_000, rope_scaling: { type: 'default' } },
      { rope_parameters: { rope_theta: 500_000 } },
      { rope_parameters: { rope_theta: 500_000, rope_type: 'default', partial_rotary_factor: 1 } },
      { rope_theta: 500_000, rope_parameters: { rope_theta: 500_000, rope_type: 'default' } },
    ])
      assert.deepEqual(rotary(spelling), plain, JSON.stringify(spelling));
    assert.equal(rotary({}).ropeTheta, 10_000);
  });

  it('is refused where two spellings disagree, and where a part of it is not understood', () => {
    const refused = (changes: Json, message: RegExp) => {
      assert.throws(() => rotary(changes), { code: 'model.config', message });
    };
    refused({ rope_theta: 10_000, rope_parameters: { rope_theta: 500_000 } }, /rope_theta is 10000 .*500000/);
    refused({ rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_theta: 1 } }, /disagree/);
    refused({ rope_scaling: { type: 'linear', rope_type: 'dynamic', factor: 2 } }, /type and rope_type disagree/);
    refused({ rope_parameters: { rope_theta: 'large' } }, /rope_theta is "large"/);
    refused({ rope_theta: null }, /rope_theta/);
    refused({ rope_parameters: { rope_theta: 1, partial_rotary_factor: 0.5 } }, /partial_rotary_factor/);
    refused({ rope_scaling: { type: 'linear', factor: 2, alpha: 1000 } }, /alpha/);
    refused({ rope_scaling: { rope_type: 'dynamic', factor: 2, original_max_position_embeddings: 8 } }, /original_max/);
    refused({ rope_scaling: { rope_type: 'default', factor: 8 } }, /factor/);
    refused({ rope_scaling: { rope_type: 'llama3', factor: 8 } }, /low_freq_factor/);
    for (const rope_type of ['longrope', 'proportional', 'su', 'mrope', 'axial', 'ntk'])
      refused({ rope_scaling: { rope_type, factor: 2 } }, new RegExp(rope_type));
    refused({ rope_parameters: { full_attention: { rope_theta: 1 }, sliding_attention: null } }, /full_attention/);
  });
});
