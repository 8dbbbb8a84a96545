import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { fromOniguruma } from '../../../core/data/tokenizer/parts/oniguruma';
import { TextStream } from '../../../core/data/tokenizer/text-stream';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import fc from '../../fast-check';
import { text, tokenizerJson } from '../../tokenizers/arbitrary';

const vocab = Object.fromEntries(
  ['<unk>', ...Array.from('abcdefghijklmnopqrstuvwxyz .,<>/')].map((token, id) => [token, id]),
);
const model = { type: 'BPE', vocab, merges: [['a', 'b']] as unknown[], unk_token: '<unk>' };
const withAb = { ...model, vocab: { ...vocab, ab: 33 } };
const added = (changes: object) => ({
  id: 34,
  content: '<s>',
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...changes,
});

const refused = (json: unknown, message: RegExp) =>
  assert.rejects(loadTokenizer(json), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, 'tokenizer.unsupported');
    assert.match(error.message, message);
    return true;
  });

describe('a tokenizer.json that cannot be followed', () => {
  it('is refused by the name of the part', async () => {
    await refused({ model: withAb, pre_tokenizer: { type: 'UnicodeScripts' } }, /the pre-tokenizer UnicodeScripts/);
    await refused({ model: withAb, normalizer: { type: 'Reverse' } }, /the normalizer Reverse/);
    await refused({ model: withAb, decoder: { type: 'Morse' } }, /the decoder Morse/);
    await refused({ model: withAb, post_processor: { type: 'Frame' } }, /the post-processor Frame/);
    await refused(
      { model: withAb, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Replace' }] } },
      /the pre-tokenizer Replace/,
    );
    await refused({ model: withAb, pre_tokenizer: 'Whitespace' }, /the pre-tokenizer/);
    await refused({ model: { ...withAb, dropout: 0.1 } }, /the model BPE: its dropout is 0\.1/);
    await refused(
      { model: { ...withAb, continuing_subword_suffix: '@@' } },
      /the model BPE: .*continuing_subword_suffix/,
    );
    await refused({ model }, /the model BPE: its vocabulary lacks "ab"/);
    await refused({ model: { ...withAb, vocab: { ...withAb.vocab, z2: 33 } } }, /"ab" and "z2" have the same id 33/);
    await refused({ model: { type: 'Unigram', vocab: [['a', -1]], unk_id: 3 } }, /unk_id 3/);
    await refused(
      { model: withAb, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAEA' } },
      /the normalizer Precompiled: its precompiled_charsmap is truncated/,
    );
    await refused(
      {
        model: withAb,
        pre_tokenizer: { type: 'Metaspace', replacement: '▁', add_prefix_space: false },
      },
      /add_prefix_space is false, but prepend_scheme is always/,
    );
    await refused(
      { model: withAb, normalizer: { type: 'Replace', pattern: { Regex: 'x*' }, content: 'y' } },
      /the normalizer Replace: its pattern "x\*" may match an empty string/,
    );
    const adds = { type: 'BertProcessing', sep: ['a', 1], cls: ['b', 2] };
    await refused(
      { model: withAb, post_processor: { type: 'Sequence', processors: [adds, adds] } },
      /more than one of its processors adds tokens/,
    );
  });

  it('is refused where the library would give added tokens other ids than it says', async () => {
    assert.equal((await loadTokenizer({ model: withAb, added_tokens: [added({})] })).vocabSize, 35);
    await refused(
      { model: withAb, added_tokens: [added({ id: 40 })] },
      /the added token "<s>": its id is 40 in the file, but 34/,
    );
    // A token of the model may be named again, by its own id.
    const again = await loadTokenizer({ model: withAb, added_tokens: [added({ id: 1, content: 'a' })] });
    assert.deepEqual(again.encode('ab'), [1, 2]);
    await refused({ model: withAb, added_tokens: [added({ id: 1 })] }, /"<s>": its id is 1 in the file, but 34/);
    await refused(
      { model: withAb, added_tokens: [added({ id: 2, content: 'a' })] },
      /"a": its id is 2 in the file, but 1/,
    );
  });

  it('fails on a text that it has no token for, and says so', async () => {
    const tokenizer = await loadTokenizer({ model: { type: 'Unigram', vocab: [['a', -1]], unk_id: null } });
    assert.deepEqual(tokenizer.encode('aa'), [0, 0]);
    assert.throws(() => tokenizer.encode('ab'), { code: 'tokenizer.unknown-text', message: /"b"/ });
  });
});

describe('a regular expression of Oniguruma', () => {
  const matches = (pattern: string, given: string) => given.match(fromOniguruma(pattern, 'a test'));

  it('finds in JavaScript what it finds there', () => {
    assert.deepEqual(matches(String.raw`(?i:'s|'ll)|\p{L}+`, "it'S ’LL 'ſ"), ['it', "'S", 'LL', "'ſ"]);
    assert.deepEqual(matches(String.raw`\s`, 'a\u0085\ufeff\u00a0'), ['\u0085', '\u00a0']);
    assert.deepEqual(matches(String.raw`[^(\s|[.,])]+`, 'a|b (c).d'), ['a', 'b', 'c', 'd']);
    assert.deepEqual(matches(String.raw`[a-z&&[^aeiou]]+`, 'regular'), ['r', 'g', 'l', 'r']);
    assert.deepEqual(matches(String.raw`\w+`, 'é²٣_-'), ['é²٣_']);
    assert.deepEqual(matches(String.raw`[\w]+`, 'é²٣_-'), ['é', '٣_']);
    assert.deepEqual(matches('a++b|aa', 'aab aac'), ['aab', 'aa']);
    assert.equal(matches('a++ab', 'aaab'), null);
    assert.deepEqual(matches(String.raw`^\w|\w$`, 'ab\ncd'), ['a', 'b', 'c', 'd']);
    assert.deepEqual(matches('a{1,2}?', 'aaa'), ['a', 'a', 'a']);
    assert.deepEqual(matches('{a}', 'x{a}'), ['{a}']);
    assert.deepEqual(matches(String.raw`\x{1F642}`, '🙂'), ['🙂']);
  });

  it('is refused where the engines may differ', () => {
    for (const pattern of [
      ...['(?i)a', '(?m:.)', '(?x: a )', '(?-i:a)', '(?<name>a)', String.raw`(a)\1`, String.raw`\k<a>`, String.raw`\R`],
      ...[
        String.raw`\X`,
        String.raw`\K`,
        String.raw`\G`,
        'a{2}+',
        'a{2}?',
        'a**',
        '(?:a*)*',
        '*a',
        '[]a]',
        '[a&&]',
        '[[:graph:]]',
        '(?i:ss)',
      ],
      ...[
        String.raw`(?i:\p{Lu})`,
        '(?i:é)',
        '(?i:[a-z])',
        String.raw`\p{Emoji}`,
        String.raw`\p{Letter}`,
        String.raw`\xe9`,
      ],
      ...['(a', 'a)', '[a', String.raw`[\d-z]`, '[z-a]', '(?#a)', '(?~a)', String.raw`\Q`, '\\', '(?=a)*', 'a{3,2}'],
    ])
      assert.throws(() => fromOniguruma(pattern, 'a test'), { name: 'Error' }, pattern);
  });
});

describe('TextStream', () => {
  it('gives a text in pieces, whatever the decoder', async () => {
    await fc.assert(
      fc.asyncProperty(tokenizerJson(), text, text, async (json, before, after) => {
        const loaded = await loadTokenizer(json).catch(() => undefined);
        if (!loaded) return;
        let ids: readonly number[][];
        try {
          ids = [loaded.encode(before), loaded.encode(after)];
        } catch {
          return;
        }
        const [context, fresh] = ids as [number[], number[]];
        // Some decoders change what they wrote before; a stream cannot.
        const whole = loaded.decode([...context, ...fresh]);
        if (!monotone(loaded.decode, context, fresh)) return;
        const stream = new TextStream(loaded, context);
        const pieces = [...fresh.map((id) => stream.add(id)), stream.end()];
        assert.equal(loaded.decode(context) + pieces.join(''), whole);
      }),
      { numRuns: 300 },
    );
  });

  const monotone = (
    decode: (ids: readonly number[]) => string,
    context: readonly number[],
    fresh: readonly number[],
  ) => {
    let shown = decode(context);
    for (let i = 1; i <= fresh.length; i++) {
      const longer = decode([...context, ...fresh.slice(0, i)]);
      if (longer.includes('\uFFFD') || !longer.startsWith(shown)) return false;
      shown = longer;
    }
    return true;
  };

  it('keeps the spaces between words, and waits for the end of a character', async () => {
    const decoder = {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    };
    const tokens = ['▁the', '▁end', '<0xF0>', '<0x9F>', '<0x99>', '<0x82>'];
    const { decode } = await loadTokenizer({
      decoder,
      model: { type: 'BPE', merges: [], vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) },
    });
    const stream = new TextStream({ decode }, [0]);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 0].map((id) => stream.add(id)),
      [' end', '', '', '', '🙂', ' the'],
    );
    assert.equal(stream.end(), '');
    const cut = new TextStream({ decode }, []);
    assert.deepEqual(
      [0, 2, 3].map((id) => cut.add(id)),
      ['the', '', ''],
    );
    assert.equal(cut.end(), '\uFFFD\uFFFD');
  });
});
