import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';

const CLI = path.resolve('dist', 'cli.js');
const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const available = spawnSync(PYTHON, ['-c', 'import torch, transformers, tokenizers']).status === 0;
const skip = available ? false : `${PYTHON} has no transformers with torch (set WINNOW_PYTHON to one that has)`;

/**
 * Models of random weights, and what `generate` writes with them: behind the start token of a tokenizer that has one, without
 * one, with `add_bos_token` alone (which is no start token to transformers either), and up to the second of two end tokens.
 */
const SCRIPT = `
import json, os, sys, torch
from tokenizers import Tokenizer, models, pre_tokenizers, decoders, processors, normalizers, AddedToken
from transformers import LlamaConfig, LlamaForCausalLM, AutoTokenizer
root, prompts = sys.argv[1], json.loads(sys.argv[2])
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
def byte_level():
    t = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False); t.decoder = decoders.ByteLevel()
    t.add_special_tokens(['<s>', '</s>']); return t
def begins(t):
    t.post_processor = processors.TemplateProcessing(single='<s> $A', pair='<s> $A <s> $B', special_tokens=[('<s>', t.token_to_id('<s>'))]); return t
def sentencepiece():
    # Without tokens of bytes: a stream of them can become no text at all once the next byte is known.
    letters = '▁abcdefghijklmnopqrstuvwxyz'
    pieces = ['<unk>', '<s>', '</s>', *letters, *('▁' + a + b for a in 'abcdefghij' for b in letters[1:])]
    t = Tokenizer(models.BPE(vocab={x: i for i, x in enumerate(pieces)}, merges=[], unk_token='<unk>', fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend('▁'), normalizers.Replace(' ', '▁')])
    t.decoder = decoders.Sequence([decoders.Replace('▁', ' '), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(' ', 1, 0)])
    t.add_special_tokens([AddedToken(x, normalized=False) for x in ('<unk>', '<s>', '</s>')]); return t
CASES = {'no start': (byte_level(), {}), 'start': (begins(byte_level()), {}), 'add_bos_token': (byte_level(), {'bos_token': '<s>', 'add_bos_token': True}),
    'SentencePiece': (begins(sentencepiece()), {'bos_token': '<s>'})}
out = []
for seed, (name, (tokenizer, config)) in enumerate(CASES.items()):
    torch.manual_seed(seed)
    folder = f'{root}/{name}'
    model = LlamaForCausalLM(LlamaConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=300, max_position_embeddings=128, initializer_range=0.4, bos_token_id=None, eos_token_id=None, pad_token_id=None)).eval()
    model.save_pretrained(folder)
    tokenizer.save(f'{folder}/tokenizer.json')
    json.dump({'tokenizer_class': 'PreTrainedTokenizerFast', **config}, open(f'{folder}/tokenizer_config.json', 'w'))
    reference = AutoTokenizer.from_pretrained(folder)
    def write(prompt, ends):
        ids = reference(prompt, return_tensors='pt').input_ids
        made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=24, eos_token_id=ends, pad_token_id=0)[0].tolist()
        new = made[ids.shape[1]:]
        if ends and new[-1] in ends: new = new[:-1]
        before = tokenizer.decode(ids[0].tolist(), skip_special_tokens=False)
        return ids[0].tolist(), new, tokenizer.decode(ids[0].tolist() + new, skip_special_tokens=False)[len(before):]
    free = [write(prompt, None) for prompt in prompts]
    # An end token that comes up on the way, the second of a list.
    end = free[0][1][9]
    unused = next(i for i in range(300) if all(i not in new for _, new, _ in free))
    json.dump({'eos_token_id': [unused, end]}, open(f'{folder}/generation_config.json', 'w'))
    ended = [write(prompt, [unused, end]) for prompt in prompts]
    os.rename(f'{folder}/generation_config.json', f'{folder}/ends.json')
    out.append({'name': name, 'free': [t for _, _, t in free], 'ended': [t for _, _, t in ended], 'starts': free[0][0][0]})
json.dump(out, sys.stdout)
`;

const Results = z.array(
  z.object({ name: z.string(), free: z.array(z.string()), ended: z.array(z.string()), starts: z.int() }),
);
const PROMPTS = ['the end of', 'a  b', 'naïve 日'];

describe('winnow sample beside transformers', { skip }, () => {
  let dir: string;
  let results: z.output<typeof Results>;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-sample-'));
    const run = spawnSync(PYTHON, ['-c', SCRIPT, dir, JSON.stringify(PROMPTS)], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    results = Results.parse(JSON.parse(run.stdout));
  });
  after(() => rm(dir, { recursive: true }));

  const sample = (folder: string, prompt: string) => {
    const args = ['sample', folder, '--prompt', prompt, '-t', '0', '-n', '24', '--json'];
    const run = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr + run.stdout);
    return z.object({ text: z.string() }).parse(JSON.parse(run.stdout)).text;
  };

  it('writes the same text, with and without a start token', () => {
    assert.equal(results.length, 4);
    for (const { name, free } of results)
      for (const [i, prompt] of PROMPTS.entries())
        assert.equal(sample(path.join(dir, name), prompt), free[i], `${name}: ${prompt}`);
  });

  it('ends where generate does, at the second of two end tokens', async () => {
    for (const { name, free, ended } of results) {
      assert.notEqual(ended[0], free[0]);
      await rename(path.join(dir, name, 'ends.json'), path.join(dir, name, 'generation_config.json'));
      for (const [i, prompt] of PROMPTS.entries())
        assert.equal(sample(path.join(dir, name), prompt), ended[i], `${name}: ${prompt}`);
    }
  });
});
