import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { openSafetensorsFile } from '../../../../core/checkpoint/safetensors';
import { i32 } from '../../../../core/engine/host';
import type { Named } from '../../../../core/engine/optimizer';
import { loadEncoder } from '../../../../core/models/encoder/checkpoint';
import {
  classifySequences,
  encoderForward,
  maskedLogits,
  type EncoderInputs,
} from '../../../../core/models/encoder/forward';
import type { EncoderHead } from '../../../../core/models/encoder/layout';
import { largestDifference, withRuntime } from '../tiny';
import { computed, TINY_BERT, TINY_DISTILBERT, TOKENIZER } from './tiny';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const available = spawnSync(PYTHON, ['-c', 'import torch, transformers, safetensors.torch']).status === 0;
const skip = available ? false : `${PYTHON} has no transformers with torch (set WINNOW_PYTHON to one that has)`;

const TOKENS = 17;
const LENGTHS = [17, 9, 3];
const bert = { ...TINY_BERT, model_type: undefined };
const distilbert = { ...TINY_DISTILBERT, model_type: undefined };

interface Case {
  readonly type: string;
  readonly config: Record<string, unknown>;
  readonly head: EncoderHead;
  /** Renames the tensors on disk. */
  readonly rename?: readonly (readonly [string, string])[];
}

const CASES: Readonly<Record<string, Case>> = {
  'a BERT without a head': { type: 'BertModel', config: bert, head: 'none' },
  'a BERT that classifies': { type: 'BertForSequenceClassification', config: bert, head: 'sequence' },
  'a BERT that gives a number': {
    type: 'BertForSequenceClassification',
    config: { ...bert, id2label: { 0: 'score' } },
    head: 'sequence',
  },
  'a BERT that fills in masked tokens': { type: 'BertForMaskedLM', config: bert, head: 'masked' },
  'a BERT with a vocabulary head of its own': {
    type: 'BertForMaskedLM',
    config: { ...bert, tie_word_embeddings: false },
    head: 'masked',
  },
  'a BERT with more segments and another epsilon': {
    type: 'BertForSequenceClassification',
    config: { ...bert, type_vocab_size: 3, layer_norm_eps: 0.05 },
    head: 'sequence',
  },
  'a BERT with the names of norms of the first files': {
    type: 'BertForSequenceClassification',
    config: bert,
    head: 'sequence',
    rename: [
      ['LayerNorm.weight', 'LayerNorm.gamma'],
      ['LayerNorm.bias', 'LayerNorm.beta'],
    ],
  },
  'a DistilBERT without a head': { type: 'DistilBertModel', config: distilbert, head: 'none' },
  'a DistilBERT that classifies': { type: 'DistilBertForSequenceClassification', config: distilbert, head: 'sequence' },
  'a DistilBERT that fills in masked tokens': { type: 'DistilBertForMaskedLM', config: distilbert, head: 'masked' },
};

/** Weights wide enough that attention is not flat, biases and norms that are not the identity. */
const SCRIPT = `
import json, sys, torch, transformers
from safetensors.torch import load_file, save_file
cases, root, lengths, tokens = json.loads(sys.stdin.read()), sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(11)
for number, case in enumerate(cases):
    model_class = getattr(transformers, case["type"])
    config = model_class.config_class(**case["config"])
    model = model_class(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            norm = "norm" in name.lower() and name.endswith("weight")
            parameter.normal_(1.0 if norm else 0.0, 0.3)
        ids = torch.randint(1, config.vocab_size, (len(lengths), tokens))
        mask = torch.tensor([[1 if i < length else 0 for i in range(tokens)] for length in lengths])
        types = torch.tensor([[1 if length // 2 <= i < length else 0 for i in range(tokens)] for length in lengths])
        given = {"input_ids": ids, "attention_mask": mask}
        if case["type"].startswith("Bert"):
            given["token_type_ids"] = types
        out = model(**given)
        value = out.logits if case["head"] != "none" else out.last_hidden_state
        # Padding is of no meaning.
        if case["head"] != "sequence":
            value = value * mask[:, :, None]
    folder = f"{root}/{number}"
    model.save_pretrained(folder)
    if "rename" in case:
        tensors = load_file(folder + "/model.safetensors")
        renamed = {}
        for name, tensor in tensors.items():
            for old, new in case["rename"]:
                name = name.replace(old, new)
            renamed[name] = tensor
        save_file(renamed, folder + "/model.safetensors", {"format": "pt"})
    arrays = {"ids": ids, "mask": mask, "types": types}
    expected = {name: array.to(torch.int32).contiguous() for name, array in arrays.items()}
    save_file({**expected, "value": value.contiguous()}, f"{root}/{number}.expected")
`;

describe('The encoder and Hugging Face transformers give the same numbers', { skip }, () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-encoder-'));
    const input = JSON.stringify(Object.values(CASES));
    const args = ['-c', SCRIPT, root, JSON.stringify(LENGTHS), String(TOKENS)];
    const run = spawnSync(PYTHON, args, { input, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  });
  after(() => rm(root, { recursive: true, force: true }));

  for (const [number, [name, { head }]] of Object.entries(CASES).entries())
    it(name, async () => {
      const folder = path.join(root, String(number));
      await writeFile(path.join(folder, 'tokenizer.json'), TOKENIZER);
      const { config, parameters, fresh } = await loadEncoder(folder, { head });
      assert.deepEqual(fresh, []);
      const file = await openSafetensorsFile(path.join(root, `${number}.expected`));
      const read = async (key: string) => i32([LENGTHS.length, TOKENS], Int32Array.from(await file.readFloat32(key)));
      const inputs = { ids: await read('ids'), mask: await read('mask'), types: await read('types') };
      const expected = await file.readFloat32('value');
      await file.close();

      const compute = (values: Named<Tensor>, batch: EncoderInputs): Tensor => {
        if (head === 'sequence') return classifySequences(config, values, batch);
        const rows = LENGTHS.length * TOKENS;
        const all =
          head === 'masked'
            ? maskedLogits(config, values, batch, tf.range(0, rows, 1, 'int32'))
            : tf.reshape(encoderForward(config, values, batch), [rows, -1]);
        return tf.mul(all, tf.reshape(tf.cast(batch.mask, 'float32'), [rows, 1]));
      };
      const ours = await withRuntime((runtime) => computed(runtime, parameters, inputs, compute));
      assert.ok(Math.max(...expected.map(Math.abs)) > 0.1, 'numbers this flat would hide a difference');
      assert.ok(largestDifference(ours, expected) < 2e-4, `differ by ${largestDifference(ours, expected)}`);
    });
});
