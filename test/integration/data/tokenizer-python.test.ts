import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { readSotu } from '../../../core/data/text/sotu';
import { trainBpe } from '../../../core/data/tokenizer/bpe-trainer';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const hasTokenizers = spawnSync(PYTHON, ['-c', 'import tokenizers'], { stdio: 'ignore' }).status === 0;
const skip = hasTokenizers ? false : `${PYTHON} has no package "tokenizers" (set WINNOW_PYTHON to one that has)`;

/** Encodes and decodes with our file, then trains on the same texts. Reads and writes JSON. */
const SCRIPT = `
import json, sys
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
folder, vocab_size = sys.argv[1], int(sys.argv[2])
texts = json.load(open(folder + '/texts.json', encoding='utf-8'))
ours = Tokenizer.from_file(folder + '/tokenizer.json')
ids = [ours.encode(text).ids for text in texts]
decoded = [ours.decode(i, skip_special_tokens=False) for i in ids]
theirs = Tokenizer(models.BPE())
theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
theirs.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab_size, min_frequency=2, show_progress=False,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
merges = json.loads(theirs.to_str())['model']['merges']
json.dump({'ids': ids, 'decoded': decoded, 'merges': merges}, sys.stdout)
`;

const Result = z.object({
  ids: z.array(z.array(z.int())),
  decoded: z.array(z.string()),
  merges: z.array(z.tuple([z.string(), z.string()])),
});

describe('a trained tokenizer.json in the Python library', { skip }, () => {
  it('gives the same ids, texts and merges there', async () => {
    const texts = [
      ...readSotu()
        .slice(110, 125)
        .map(({ text }) => text),
      "It's  12 o'clock;\n\n\tthe   end.<|endoftext|> Zürich 🙂 日本語 e\u0301\u00a0x ",
      '   leading, and trailing   ',
    ];
    const vocabSize = 2000;
    const json = await trainBpe(texts, { vocabSize });
    const tokenizer = await loadTokenizer(json);
    const folder = await mkdtemp(path.join(tmpdir(), 'winnow-python-'));
    try {
      await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(json));
      await writeFile(path.join(folder, 'texts.json'), JSON.stringify(texts));
      const run = spawnSync(PYTHON, ['-c', SCRIPT, folder, String(vocabSize - 1)], {
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      });
      assert.equal(run.status, 0, run.stderr);
      const python = Result.parse(JSON.parse(run.stdout));
      assert.deepEqual(
        texts.map((text) => tokenizer.encode(text)),
        python.ids,
      );
      assert.deepEqual(python.decoded, texts);
      assert.deepEqual(json.model.merges, python.merges);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
