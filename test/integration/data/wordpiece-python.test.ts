import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { readSotu } from '../../../core/data/text/sotu';
import { SequenceEncoder } from '../../../core/data/tokenizer/sequence-encoder';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import { trainWordPiece } from '../../../core/data/tokenizer/wordpiece-trainer';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const hasTokenizers = spawnSync(PYTHON, ['-c', 'import tokenizers'], { stdio: 'ignore' }).status === 0;
const skip = hasTokenizers ? false : `${PYTHON} has no package "tokenizers" (set WINNOW_PYTHON to one that has)`;

/** Encodes with our file, cut to several lengths, alone and in pairs; trains on the same texts. */
const SCRIPT = `
import json, sys
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
folder, vocab_size = sys.argv[1], int(sys.argv[2])
texts, shorts, pairs, lengths = json.load(open(folder + '/given.json', encoding='utf-8'))
ours = Tokenizer.from_file(folder + '/tokenizer.json')
def cut(length, *given):
    ours.enable_truncation(length, strategy='longest_first')
    made = ours.encode(*given)
    return {'ids': made.ids, 'types': made.type_ids}
single = [[cut(length, text) for text in (shorts if length < 1000 else texts)] for length in lengths]
double = [[cut(length, *pair) for pair in pairs] for length in lengths]
theirs = Tokenizer(models.WordPiece(unk_token='[UNK]'))
theirs.normalizer = normalizers.BertNormalizer(lowercase=True)
theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
theirs.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=vocab_size, min_frequency=2, show_progress=False,
    special_tokens=['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']))
json.dump({'single': single, 'double': double, 'vocabulary': list(theirs.get_vocab())}, sys.stdout)
`;

const Encodings = z.array(z.array(z.object({ ids: z.array(z.int()), types: z.array(z.int()) })));
const Result = z.object({ single: Encodings, double: Encodings, vocabulary: z.array(z.string()) });

describe('a trained WordPiece tokenizer.json in the Python library', { skip }, () => {
  it('gives the same ids and segments there, cut to any length, and nearly the same vocabulary', async () => {
    const texts = [
      ...readSotu()
        .slice(110, 120)
        .map(({ text }) => text),
      "It's  12 o'clock;\n\n\tthe   end.[SEP] Zürich 🙂 日本語 e\u0301\u00a0x ",
      '   leading, and trailing   ',
      'x'.repeat(101),
      '',
    ];
    // Their library also makes every other piece of what it cuts, for pairs all combinations: long texts would never end.
    const shorts = texts.map((text) => text.slice(0, 700));
    const [long, longer] = [texts[0]!.slice(0, 400), texts[1]!.slice(0, 700)];
    const pairs = [
      [long, longer],
      [longer, long],
      [longer, 'A short one.'],
      ['A short one.', longer],
      ['Two short ones,', 'of some words each.'],
      ['', 'of some words'],
      ['of some words', ''],
    ] as const;
    const lengths = [5, 6, 9, 10, 33, 128, 100_000];
    const vocabSize = 2000;
    const json = await trainWordPiece(texts, { vocabSize });
    const tokenizer = await loadTokenizer(json);
    const folder = await mkdtemp(path.join(tmpdir(), 'winnow-python-'));
    try {
      await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(json));
      await writeFile(path.join(folder, 'given.json'), JSON.stringify([texts, shorts, pairs, lengths]));
      const run = spawnSync(PYTHON, ['-c', SCRIPT, folder, String(vocabSize)], {
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      });
      assert.equal(run.status, 0, run.stderr);
      const python = Result.parse(JSON.parse(run.stdout));
      for (const [i, length] of lengths.entries()) {
        const encoder = new SequenceEncoder(tokenizer, length);
        assert.deepEqual(
          (length < 1000 ? shorts : texts).map((text) => encoder.encode(text)),
          python.single[i],
        );
        assert.deepEqual(
          pairs.map(([text, pair]) => encoder.encode(text, pair)),
          python.double[i],
        );
      }
      // Theirs breaks ties by ids that come out of a hash table.
      const vocabulary = new Set(Object.keys(json.model.vocab));
      assert.equal(vocabulary.size, python.vocabulary.length);
      const shared = python.vocabulary.filter((token) => vocabulary.has(token)).length;
      assert.ok(shared > 0.985 * vocabSize, `${shared} of ${vocabSize} tokens are the same`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
