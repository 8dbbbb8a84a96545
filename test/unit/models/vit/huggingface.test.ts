import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSafetensorsFile } from '../../../../core/checkpoint/safetensors';
import { f32 } from '../../../../core/engine/host';
import { loadVit } from '../../../../core/models/vit/checkpoint';
import { largestDifference, withRuntime } from '../tiny';
import { classifyWith, TINY_VIT } from './tiny';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const available = spawnSync(PYTHON, ['-c', 'import torch, transformers, safetensors.torch']).status === 0;
const skip = available ? false : `${PYTHON} has no transformers with torch (set WINNOW_PYTHON to one that has)`;

const base = { ...TINY_VIT, model_type: undefined };
const CASES: Readonly<Record<string, { type: string; config: Record<string, unknown> }>> = {
  ViT: { type: 'ViT', config: base },
  'ViT without biases of queries, keys and values': { type: 'ViT', config: { ...base, qkv_bias: false } },
  'ViT of gray images with another epsilon': {
    type: 'ViT',
    config: { ...base, num_channels: 1, image_size: 8, patch_size: 2, layer_norm_eps: 0.05 },
  },
  'ViT whose sizes are written twice': { type: 'ViT', config: { ...base, image_size: [16, 16], patch_size: [4, 4] } },
  'DeiT with its distillation token': { type: 'DeiT', config: base },
};

/** Weights wide enough that attention is not flat, biases and norms that are not the identity. */
const SCRIPT = `
import json, sys, torch, transformers
from safetensors.torch import save_file
cases, root = json.loads(sys.stdin.read()), sys.argv[1]
torch.manual_seed(11)
for number, case in enumerate(cases):
    config = getattr(transformers, case["type"] + "Config")(**case["config"])
    model = getattr(transformers, case["type"] + "ForImageClassification")(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "layernorm" in name and name.endswith("weight") else 0.0, 0.3)
        side = config.image_size if isinstance(config.image_size, int) else config.image_size[0]
        images = torch.randn(2, config.num_channels, side, side)
        logits = model(images).logits
    folder = f"{root}/{number}"
    model.save_pretrained(folder)
    save_file({"images": images.contiguous(), "logits": logits.contiguous()}, f"{root}/{number}.expected")
`;

describe('The vision transformer and Hugging Face transformers give the same logits', { skip }, () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-vit-'));
    const input = JSON.stringify(Object.values(CASES));
    const run = spawnSync(PYTHON, ['-c', SCRIPT, root], { input, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  });
  after(() => rm(root, { recursive: true, force: true }));

  for (const [number, name] of Object.keys(CASES).entries())
    it(name, async () => {
      const { config, parameters } = await loadVit(path.join(root, String(number)));
      const expected = await openSafetensorsFile(path.join(root, `${number}.expected`));
      const side = config.imageSize;
      const images = f32([2, config.channels, side, side], await expected.readFloat32('images'));
      const logits = await expected.readFloat32('logits');
      await expected.close();
      assert.ok(Math.max(...logits.map(Math.abs)) > 0.5, 'logits this flat would hide a difference');
      assert.deepEqual(config.labels, ['a', 'b', 'c']);
      const ours = await withRuntime((runtime) => classifyWith(runtime, config, parameters, images));
      assert.ok(largestDifference(ours.logits, logits) < 2e-4, `differ by ${largestDifference(ours.logits, logits)}`);
    });
});
