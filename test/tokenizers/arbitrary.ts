import fc from '../fast-check';

/** Tokenizers of any parts, and texts that are hard on them. */

type Json = Readonly<Record<string, unknown>>;

/**
 * What texts are made of: pieces that some part treats in its own way. Characters of Unicode 15 at most, which every
 * JavaScript engine that Winnow runs on knows.
 */
const PIECES = [
  ...[
    'a',
    'b',
    'ab',
    'abc',
    'cab',
    'A',
    'B',
    'the',
    'The',
    'DON’T',
    "don't",
    "I'LL",
    "'s",
    's',
    'S',
    'ſ',
    'K',
    'k',
    'st',
  ],
  ...[
    ' ',
    '  ',
    '   ',
    '\n',
    '\r\n',
    '\r',
    '\t',
    '\v',
    '\f',
    '\u0085',
    '\u00a0',
    '\u1680',
    '\u2003',
    '\u2028',
    '\u3000',
  ],
  ...['\u200b', '\u200c', '\u200d', '\ufeff', '\u0000', '\u0001', '\u007f', '\u00ad', '\ufffd', '\u2060', '\ue000'],
  ...[
    'é',
    'e\u0301',
    'É',
    'ñ',
    'ü',
    'ß',
    'ẞ',
    'İ',
    'ı',
    'ﬁ',
    'ǅ',
    'Ω',
    'ΑΣ',
    'Σ ',
    'ς',
    'Å',
    'Å',
    '½',
    '²',
    '①',
    'Ⅳ',
    '٣',
    '१',
    '𝟘',
  ],
  ...[
    'a\u0323\u0301',
    'a\u0301\u0323',
    '\u0301',
    '\u0327',
    '\u0345',
    '\u093f',
    '\u0903',
    'क्षि',
    'กำ',
    'นี้',
    '각',
    '\u1100\u1161',
    'ｶﾞ',
  ],
  ...['日本', '漢', '、', '。', '中', '㐀', '𠀀', '𪜀', '\u{2b820}', '\u{2b920}', 'か', 'カ', 'ー', '豈', '한국'],
  ...[
    '🙂',
    '👩‍👩‍👧',
    '👍🏽',
    '🇩🇪',
    '©',
    '™',
    '€',
    '+',
    '$',
    '^',
    '`',
    '~',
    '|',
    '<',
    '=',
    '_',
    '-',
    '--',
    '.',
    '..',
    ',',
    '!',
    '?',
    '…',
  ],
  ...[
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '"',
    '“',
    '¿',
    '·',
    '٪',
    '⁂',
    '⸺',
    '⹃',
    '᭎',
    '１',
    'ａ',
    '¨',
    '´',
    'ŉ',
    '…',
    '0',
    '1',
    '12',
    '1234',
  ],
  ...[
    '▁',
    '▁a',
    '_a',
    'Ġ',
    '<s>',
    '</s>',
    '<s',
    '<unk>',
    '<0x0A>',
    '[MASK]',
    '##',
    '</w>',
    ' .',
    " n't",
    ' do not',
    "' ",
  ],
  ...['\u0489', '\u180e', '\u1cf2', '\u08ea', '\u{1d165}', '\u{e0101}', '\u{10ffff}', '\u{1e000}', '\u{11c30}'],
];

/** Halves of surrogate pairs, which no text of the library has. */
const HALVES = ['\ud83d', '\ude42'];

const piece = fc.constantFrom(...PIECES);
export const text = fc.oneof(
  { weight: 6, arbitrary: fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join('')) },
  // Few different pieces: repeated words, runs of one character.
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.array(piece, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(2), { maxLength: 60 }))
      .map(([some, order]) => order.map((i) => some[i % some.length]!).join('')),
  },
  {
    weight: 1,
    arbitrary: fc.array(fc.constantFrom(...PIECES, ...HALVES), { maxLength: 12 }).map((pieces) => pieces.join('')),
  },
);

const some = <T>(values: readonly T[]) => fc.constantFrom(...values);
const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];

export const REGEXES = [
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw` ?[^(\s|[.,!?…。，、।۔،])]+`,
  String.raw`[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+|\p{N}{1,3}|\s+`,
  String.raw`[一-龥぀-ゟ゠-ヿ]+`,
  String.raw`\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))|\p{L}++|.`,
  String.raw`'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`,
  String.raw`\w+|[^\w\s]+`,
  String.raw`\b\w`,
  String.raw`[\w.]+`,
  String.raw`[^\W_]+`,
  String.raw`(?>a+b?)|[[:punct:]]|\d+?`,
  String.raw`(?<=\s)\S+|(?<![\p{L}])-`,
  String.raw`^.|.$`,
  String.raw`[\h]{2}|\H`,
  String.raw`\x{1F642}|\u00e9|\x41|\t`,
  String.raw` {2,}`,
  String.raw`[^\s&&[^\n]]+|[^a&&[a-c]]`,
  String.raw`\p{L}{1,2}?|\s{,2}x`,
  String.raw`[^\W\d]+|[\s&&[^\n]]|\p{Cyrillic}|\p{Thai}+`,
  String.raw`(?<!a)b|(?<=[\p{L}.]) `,
  String.raw`[[:alpha:]]+|[[:^space:]]`,
  String.raw`\P{L}{2}|\p{^N}`,
  String.raw`(?i:the|k)|[^\S\n]+`,
  String.raw`[a-c&&[^b]]+|[\[\]\-^]`,
  String.raw`\p{Lu}(?=\p{Ll})|\p{Sc}|\p{Zs}`,
];

/** Patterns that may match between two characters: the library loses count when it replaces there. */
export const PLACES = [String.raw`\B`, String.raw`\A\s*|\s*\z`, 'a*', '(?:ab)*+a?', ''];

const STRINGS = [' ', 'a', '▁', '\n', '  ', 'é', '.', '🙂', '|', '-', '<s>'];
const toReplace = fc.oneof(fc.record({ String: some(STRINGS) }), fc.record({ Regex: some(REGEXES) }));
const toSplit = fc.oneof(
  fc.record({ String: some([...STRINGS, '']) }),
  fc.record({ Regex: some([...REGEXES, ...PLACES]) }),
);

const leafNormalizer: fc.Arbitrary<Json> = fc.oneof(
  fc.record({
    type: fc.constant('BertNormalizer'),
    clean_text: fc.boolean(),
    handle_chinese_chars: fc.boolean(),
    strip_accents: some([true, false, null]),
    lowercase: fc.boolean(),
  }),
  some(['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Nmt', 'ByteLevel']).map((type) => ({ type })),
  fc.record({ type: fc.constant('Strip'), strip_left: fc.boolean(), strip_right: fc.boolean() }),
  fc.record({ type: fc.constant('Prepend'), prepend: some(['▁', ' ', 'ab', '🙂']) }),
  fc.record({ type: fc.constant('Replace'), pattern: toReplace, content: some(['▁', ' ', '', 'ab', '$0', 'é']) }),
);

const precompiledBy = (base64: string): Json => ({ type: 'Precompiled', precompiled_charsmap: base64 });

export const normalizers = (precompiled: readonly string[]) => {
  const leaf = fc.oneof(
    { weight: 5, arbitrary: leafNormalizer },
    ...(precompiled.length > 0 ? [{ weight: 2, arbitrary: some(precompiled).map(precompiledBy) }] : []),
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 4, arbitrary: leaf },
    {
      weight: 2,
      arbitrary: fc.array(leaf, { maxLength: 3 }).map((all): Json => ({ type: 'Sequence', normalizers: all })),
    },
  );
};

const leafPreTokenizer: fc.Arbitrary<Json> = fc.oneof(
  some(['BertPreTokenizer', 'Whitespace', 'WhitespaceSplit']).map((type) => ({ type })),
  fc.record({
    type: fc.constant('ByteLevel'),
    add_prefix_space: fc.boolean(),
    trim_offsets: fc.boolean(),
    use_regex: fc.boolean(),
  }),
  fc.record({ type: fc.constant('CharDelimiterSplit'), delimiter: some(['a', ' ', '-', '🙂', 'é']) }),
  fc.record({ type: fc.constant('Digits'), individual_digits: fc.boolean() }),
  fc.record({ type: fc.constant('Punctuation'), behavior: some(BEHAVIORS) }),
  fc.record({ type: fc.constant('FixedLength'), length: some([1, 2, 5]) }),
  fc.record({
    type: fc.constant('Metaspace'),
    replacement: some(['▁', '_', ' ']),
    prepend_scheme: some(['always', 'first', 'never']),
    split: fc.boolean(),
  }),
  fc.record({ type: fc.constant('Split'), pattern: toSplit, behavior: some(BEHAVIORS), invert: fc.boolean() }),
);

export const preTokenizer = fc.oneof(
  { weight: 2, arbitrary: fc.constant(null) },
  { weight: 5, arbitrary: leafPreTokenizer },
  {
    weight: 3,
    arbitrary: fc
      .array(leafPreTokenizer, { maxLength: 3 })
      .map((all): Json => ({ type: 'Sequence', pretokenizers: all })),
  },
);

/** Short tokens out of the pieces of texts, as they are and in bytes. */
const tokens = fc
  .tuple(
    fc.array(piece, { maxLength: 40 }),
    fc.array(some(Array.from('abcdesthABST0123 \n\t.,!?-_▁ĠĊéüßÃ©¨日本中🙂ðŁĻĤ')), { minLength: 5, maxLength: 60 }),
  )
  .map(([long, short]) => [...new Set([...short, ...long])].filter((token) => token !== '' && token !== '<unk>'));

const numbered = (all: readonly string[]) => Object.fromEntries(all.map((token, id) => [token, id]));
const BYTE_TOKENS = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);

const bpe: fc.Arbitrary<Json> = fc
  .record({
    letters: tokens,
    pairs: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 60 }),
    unknown: fc.boolean(),
    bytes: some(['none', 'all', 'half']),
    prefix: some([null, null, null, '##', '']),
    suffix: some([null, null, null, '</w>', '']),
    settings: fc.record({ fuse_unk: fc.boolean(), byte_fallback: fc.boolean(), ignore_merges: fc.boolean() }),
  })
  .map(({ letters, pairs, unknown, bytes, prefix, suffix, settings }): Json => {
    const known = new Set([...(unknown ? ['<unk>'] : []), ...letters]);
    if (bytes !== 'none') for (const token of BYTE_TOKENS.slice(0, bytes === 'all' ? 256 : 0xc0)) known.add(token);
    if (prefix) for (const letter of letters) known.add(prefix + letter);
    if (suffix) for (const letter of letters) known.add(letter + suffix);
    const merges: [string, string][] = [];
    const merged = new Set<string>();
    for (const [a, b] of pairs) {
      const all = [...known].filter((token) => !token.startsWith('<0x'));
      const left = all[a % all.length]!;
      const candidates = prefix ? all.filter((token) => token.startsWith(prefix)) : all;
      const right = candidates[b % candidates.length];
      if (right === undefined || merged.has(JSON.stringify([left, right]))) continue;
      merged.add(JSON.stringify([left, right]));
      merges.push([left, right]);
      known.add(left + right.slice(prefix?.length ?? 0));
    }
    return {
      type: 'BPE',
      dropout: null,
      unk_token: unknown ? '<unk>' : null,
      continuing_subword_prefix: prefix,
      end_of_word_suffix: suffix,
      ...settings,
      vocab: numbered([...known]),
      merges,
    };
  });

const wordPiece: fc.Arbitrary<Json> = fc
  .record({ words: tokens, prefix: some(['##', '', '_']), max: some([3, 10, 100]) })
  .map(({ words, prefix, max }): Json => ({
    type: 'WordPiece',
    unk_token: '<unk>',
    continuing_subword_prefix: prefix,
    max_input_chars_per_word: max,
    vocab: numbered([...new Set(['<unk>', ...words, ...words.map((word) => prefix + word)])]),
  }));

const wordLevel: fc.Arbitrary<Json> = tokens.map((words) => ({
  type: 'WordLevel',
  unk_token: '<unk>',
  vocab: numbered(['<unk>', ...words]),
}));

const unigram: fc.Arbitrary<Json> = fc
  .record({
    words: tokens,
    scores: fc.array(some([-1, -2, -2.5, -3, -7, 0]), { minLength: 400, maxLength: 400 }),
    unknown: some([0, 0, 0, null]),
    bytes: fc.boolean(),
    byte_fallback: fc.boolean(),
  })
  .map(({ words, scores, unknown, bytes, byte_fallback }): Json => ({
    type: 'Unigram',
    unk_id: unknown,
    byte_fallback,
    vocab: ['<unk>', ...words, ...(bytes ? BYTE_TOKENS : [])].map((token, i) => [token, scores[i % scores.length]!]),
  }));

const model = fc.oneof(
  { weight: 5, arbitrary: bpe },
  { weight: 2, arbitrary: wordPiece },
  { weight: 1, arbitrary: wordLevel },
  { weight: 3, arbitrary: unigram },
);

const decoder = fc.option(
  fc.oneof(
    some(['ByteFallback', 'Fuse']).map((type): Json => ({ type })),
    fc.constant({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }),
    fc.record({ type: fc.constant('WordPiece'), prefix: some(['##', '_']), cleanup: fc.boolean() }),
    fc.record({
      type: fc.constant('Metaspace'),
      replacement: some(['▁', '_']),
      prepend_scheme: some(['always', 'first', 'never']),
      split: fc.boolean(),
    }),
    fc.record({ type: fc.constant('BPEDecoder'), suffix: some(['</w>', 'a']) }),
    fc.record({
      type: fc.constant('CTC'),
      pad_token: some(['<s>', 'a']),
      word_delimiter_token: some(['|', '▁']),
      cleanup: fc.boolean(),
    }),
    some([
      ['Replace', 'ByteFallback', 'Fuse', 'Strip'],
      ['Replace', 'ByteFallback', 'Fuse'],
      ['Replace', 'Strip'],
    ]).map((types): Json => ({
      type: 'Sequence',
      decoders: types.map((type) =>
        type === 'Replace'
          ? { type, pattern: { String: '▁' }, content: ' ' }
          : type === 'Strip'
            ? { type, content: ' ', start: 1, stop: 0 }
            : { type },
      ),
    })),
  ),
);

const added = fc.array(
  fc.record({
    content: some([
      '<s>',
      '</s>',
      '<unk>',
      'the',
      'The',
      'ab',
      ' a',
      'a ',
      'é',
      'É',
      '日',
      '🙂',
      '  ',
      '\n',
      '▁a',
      'DON’T',
      'ΑΣ',
      'abc',
      '12',
      '--',
      '\u0301',
    ]),
    single_word: fc.boolean(),
    lstrip: fc.boolean(),
    rstrip: fc.boolean(),
    normalized: fc.boolean(),
    special: fc.boolean(),
  }),
  { maxLength: 6 },
);

export interface TokenizerJson {
  readonly version: '1.0';
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly Json[];
  readonly normalizer: Json | null;
  readonly pre_tokenizer: Json | null;
  readonly post_processor: null;
  readonly decoder: Json | null;
  readonly model: Json;
}

/** @param precompiled rules of SentencePiece models, in base64 */
export const tokenizerJson = (precompiled: readonly string[] = []): fc.Arbitrary<TokenizerJson> =>
  fc
    .record({ normalizer: normalizers(precompiled), pre_tokenizer: preTokenizer, model, decoder, added })
    .map(({ added: tokens_, ...parts }) => ({
      version: '1.0',
      truncation: null,
      padding: null,
      post_processor: null,
      ...parts,
      added_tokens: withIds(tokens_, parts.model),
    }));

/** Gives added tokens the ids that the library gives them. */
function withIds(added_: readonly { readonly content: string }[], { vocab }: Json): readonly Json[] {
  const ids = new Map<string, number>(
    Array.isArray(vocab)
      ? vocab.map(([token]: [string], id): [string, number] => [token, id])
      : Object.entries(vocab as Record<string, number>),
  );
  let next = Array.isArray(vocab) ? vocab.length : ids.size;
  const seen = new Set<string>();
  return added_
    .filter(({ content }) => !seen.has(content) && seen.add(content))
    .map((token) => ({ id: ids.get(token.content) ?? next++, ...token }));
}
