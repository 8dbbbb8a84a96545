import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { largestDifference, logitsOf, randomIds, TINY, withRuntime } from './tiny';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const available = spawnSync(PYTHON, ['-c', 'import torch, transformers, safetensors.torch']).status === 0;
const skip = available ? false : `${PYTHON} has no transformers with torch (set WINNOW_PYTHON to one that has)`;

const BATCH = 2;
const TOKENS = 40;
const base = { ...TINY, model_type: undefined, tie_word_embeddings: false };
const scaling = (rope: Record<string, unknown>, changes = {}) => ({
  type: 'Llama',
  config: { ...base, ...changes, rope_parameters: { rope_theta: 10000, ...rope } },
});

interface Case {
  readonly type: string;
  readonly config: Record<string, unknown>;
  /** Keys of the saved `config.json` that are then set, or with undefined removed; transformers loads that folder again. */
  readonly edit?: Record<string, unknown>;
  /** Stores a head beside the tied embedding: another one, or the same. */
  readonly head?: 'other' | 'same';
}

/** One base in every spelling of transformers 4 and 5; all must give the same logits. */
const BASE = 500_000;
const LLAMA3 = { factor: 4, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 24 };
const SPELLINGS: Readonly<Record<string, Record<string, unknown>>> = {
  'of transformers 4': {
    rope_theta: BASE,
    rope_scaling: { rope_type: 'llama3', ...LLAMA3 },
    rope_parameters: undefined,
  },
  'with the older word type': {
    rope_theta: BASE,
    rope_scaling: { type: 'llama3', ...LLAMA3 },
    rope_parameters: undefined,
  },
  'with both words': {
    rope_theta: BASE,
    rope_scaling: { type: 'llama3', rope_type: 'llama3', ...LLAMA3 },
    rope_parameters: undefined,
  },
  'of transformers 5': { rope_parameters: { rope_type: 'llama3', rope_theta: BASE, ...LLAMA3 } },
  'of transformers 5 with an empty older one': {
    rope_scaling: null,
    rope_parameters: { rope_type: 'llama3', rope_theta: BASE, ...LLAMA3 },
  },
  'of both, which agree': {
    rope_theta: BASE,
    rope_scaling: { rope_type: 'llama3', ...LLAMA3 },
    rope_parameters: { rope_type: 'llama3', rope_theta: BASE, ...LLAMA3 },
  },
};
const spelled = Object.fromEntries(
  Object.entries(SPELLINGS).map(([name, edit]): [string, Case] => [
    `the rotary embedding in the spelling ${name}`,
    { type: 'Llama', config: base, edit },
  ]),
);

const CASES: Readonly<Record<string, Case>> = {
  ...spelled,
  'Llama in the words of transformers 4': {
    type: 'Llama',
    config: { ...base, head_dim: 16, attention_bias: true },
    edit: {
      dtype: undefined,
      torch_dtype: 'float32',
      rope_parameters: undefined,
      rope_theta: 500.0,
      rope_scaling: null,
      is_decoder: false,
      pretraining_tp: 1,
      transformers_version: '4.44.2',
    },
  },
  'Llama whose number of key-value heads is null': {
    type: 'Llama',
    config: { ...base, num_key_value_heads: 4 },
    edit: { num_key_value_heads: null, head_dim: null },
  },
  'Llama that ties a head which is another': {
    type: 'Llama',
    config: { ...base, tie_word_embeddings: true },
    head: 'other',
  },
  'Llama that ties a head which is the same': {
    type: 'Llama',
    config: { ...base, tie_word_embeddings: true },
    head: 'same',
  },
  'Qwen2 with a window in its lower layer': {
    type: 'Qwen2',
    config: {
      ...base,
      sliding_window: 7,
      use_sliding_window: true,
      layer_types: ['sliding_attention', 'full_attention'],
    },
  },
  'Mistral whose head_dim is null': {
    type: 'Mistral',
    config: { ...base, sliding_window: 7 },
    edit: { head_dim: null },
  },
  'Llama with a head of its own': { type: 'Llama', config: base },
  'Llama with tied embeddings': { type: 'Llama', config: { ...base, tie_word_embeddings: true } },
  'Llama without grouped queries': { type: 'Llama', config: { ...base, num_key_value_heads: 4 } },
  'Llama with one key-value head': { type: 'Llama', config: { ...base, num_key_value_heads: 1 } },
  'Llama with biases': { type: 'Llama', config: { ...base, attention_bias: true, mlp_bias: true } },
  'Llama whose heads are wider than the model': { type: 'Llama', config: { ...base, head_dim: 16 } },
  'Llama with another base and epsilon': scaling({ rope_type: 'default', rope_theta: 500 }, { rms_norm_eps: 0.05 }),
  'Mistral with a window shorter than the text': { type: 'Mistral', config: { ...base, sliding_window: 7 } },
  'Mistral without a window': { type: 'Mistral', config: { ...base, sliding_window: null } },
  Qwen2: { type: 'Qwen2', config: base },
  'Qwen2 with a window that is not switched on': {
    type: 'Qwen2',
    config: { ...base, sliding_window: 7, use_sliding_window: false },
  },
  'Qwen2 with a window in its upper layer': {
    type: 'Qwen2',
    config: { ...base, sliding_window: 7, use_sliding_window: true, max_window_layers: 1 },
  },
  'linear rotary scaling': scaling({ rope_type: 'linear', factor: 4 }),
  'dynamic rotary scaling past the trained length': scaling(
    { rope_type: 'dynamic', factor: 4 },
    { max_position_embeddings: 16 },
  ),
  'dynamic rotary scaling within the trained length': scaling({ rope_type: 'dynamic', factor: 4 }),
  'llama3 rotary scaling': scaling({
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 24,
  }),
  'yarn rotary scaling': scaling({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 24 }),
  'yarn rotary scaling with all its settings': scaling({
    rope_type: 'yarn',
    factor: 3,
    original_max_position_embeddings: 32,
    attention_factor: 0.8,
    beta_fast: 8,
    beta_slow: 2,
  }),
  'yarn rotary scaling with two scales and no rounding': scaling({
    rope_type: 'yarn',
    factor: 6,
    original_max_position_embeddings: 32,
    mscale: 1.5,
    mscale_all_dim: 0.5,
    truncate: false,
  }),
  'yarn rotary scaling without the trained length': scaling({ rope_type: 'yarn', factor: 2 }),
};

const TOKENIZER = '{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}';
const REMOVED = 'removed';

/** Weights wide enough that attention is not flat, biases and norms that are not the identity. */
const SCRIPT = `
import json, sys, torch, transformers
from safetensors.torch import load_file, save_file
cases, root, batch, tokens = json.loads(sys.stdin.read()), sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(11)
for number, case in enumerate(cases):
    config = getattr(transformers, case["type"] + "Config")(**case["config"])
    model = getattr(transformers, case["type"] + "ForCausalLM")(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if name.endswith("norm.weight") else 0.0, 0.25)
        ids = torch.randint(0, config.vocab_size, (batch, tokens))
        logits = model(ids).logits
    folder = f"{root}/{number}"
    model.save_pretrained(folder)
    if "edit" in case or "head" in case:
        tensors = load_file(folder + "/model.safetensors")
        if "head" in case:
            tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
        if case.get("head") == "other":
            tensors["lm_head.weight"] = tensors["lm_head.weight"].flip(0).contiguous()
        save_file(tensors, folder + "/model.safetensors", {"format": "pt"})
        saved = json.load(open(folder + "/config.json"))
        saved.update(case.get("edit", {}))
        json.dump({key: value for key, value in saved.items() if value != "removed"}, open(folder + "/config.json", "w"))
        again = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        with torch.no_grad():
            logits = again(ids).logits
    save_file({"ids": ids.to(torch.int32), "logits": logits.float().contiguous()}, f"{root}/{number}.expected")
`;

describe('The decoder and Hugging Face transformers give the same logits', { skip }, () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-parity-'));
    // JSON has no undefined.
    const marked = (edit: object) =>
      Object.fromEntries(Object.entries(edit).map(([key, to]) => [key, to === undefined ? REMOVED : to]));
    const input = JSON.stringify(
      Object.values(CASES).map(({ edit, ...one }) => ({ ...one, ...(edit && { edit: marked(edit) }) })),
    );
    const run = spawnSync(PYTHON, ['-c', SCRIPT, root, String(BATCH), String(TOKENS)], { input, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    for (const number of Object.keys(CASES).keys())
      await writeFile(path.join(root, String(number), 'tokenizer.json'), TOKENIZER);
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('another base of the rotary embedding would be seen', async () => {
    const { config, parameters } = await loadDecoder(path.join(root, '0'));
    const ids = randomIds(2 * TOKENS, config.vocabulary, 3);
    await withRuntime(async (runtime) => {
      const logits = (theta: number) => logitsOf(runtime, { ...config, ropeTheta: theta }, parameters, ids, BATCH);
      assert.equal(config.ropeTheta, BASE);
      assert.ok(largestDifference(await logits(BASE), await logits(10_000)) > 0.01);
    });
  });

  for (const [number, name] of Object.keys(CASES).entries())
    it(name, async () => {
      const folder = path.join(root, String(number));
      const { config, parameters } = await loadDecoder(folder);
      const expected = await openSafetensorsFile(path.join(root, `${number}.expected`));
      const ids = Array.from(await expected.readFloat32('ids'));
      const logits = await expected.readFloat32('logits');
      await expected.close();
      assert.ok(Math.max(...logits) > 2, 'logits this flat would hide a difference');
      const ours = await withRuntime((runtime) => logitsOf(runtime, config, parameters, ids, BATCH));
      assert.ok(largestDifference(ours, logits) < 1e-4, `differ by ${largestDifference(ours, logits)}`);
      assert.equal(config.tied, CASES[name]!.head !== 'other' && CASES[name]!.config.tie_word_embeddings === true);
    });
});
