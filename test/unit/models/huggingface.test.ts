import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { largestDifference, logitsOf, TINY, withRuntime } from './tiny';

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

const CASES: Readonly<Record<string, { type: string; config: Record<string, unknown> }>> = {
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

/** Weights wide enough that attention is not flat, biases and norms that are not the identity. */
const SCRIPT = `
import json, sys, torch, transformers
from safetensors.torch import save_file
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
    save_file({"ids": ids.to(torch.int32), "logits": logits.float().contiguous()}, f"{root}/{number}.expected")
`;

describe('The decoder and Hugging Face transformers give the same logits', { skip }, () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-parity-'));
    const input = JSON.stringify(Object.values(CASES));
    const run = spawnSync(PYTHON, ['-c', SCRIPT, root, String(BATCH), String(TOKENS)], { input, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  });
  after(() => rm(root, { recursive: true, force: true }));

  for (const [number, name] of Object.keys(CASES).entries())
    it(name, async () => {
      const folder = path.join(root, String(number));
      await writeFile(path.join(folder, 'tokenizer.json'), '{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}');
      const { config, parameters } = await loadDecoder(folder);
      const expected = await openSafetensorsFile(path.join(root, `${number}.expected`));
      const ids = Array.from(await expected.readFloat32('ids'));
      const logits = await expected.readFloat32('logits');
      await expected.close();
      assert.ok(Math.max(...logits) > 2, 'logits this flat would hide a difference');
      const ours = await withRuntime((runtime) => logitsOf(runtime, config, parameters, ids, BATCH));
      assert.ok(largestDifference(ours, logits) < 2e-4, `differ by ${largestDifference(ours, logits)}`);
    });
});
