import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import * as z from 'zod';
import { messageOf, systemCode, UserError } from '../../errors';
import { templatesOf, type Templates } from './template';
import { encodeByWords } from './word-cache';

/** Text to token ids and back. */
export interface Tokenizer {
  /** Number of ids: the largest one plus one. */
  readonly vocabSize: number;
  /** Id of the token that ends a document, where the tokenizer has one. */
  readonly eosId?: number;
  /** Id of the token that stands for one to be guessed, where the tokenizer has one. */
  readonly maskId?: number;
  /** Ids of the special tokens: those that no text spells. */
  readonly specialIds?: ReadonlySet<number>;
  /** What stands around one text and around two, where the tokenizer says it. */
  readonly templates?: Templates;
  /** SHA-256 of the definition: equal fingerprints give equal ids. */
  readonly fingerprint: string;
  /** Ids of the text alone: no beginning or end token is added; special tokens written in the text count as such. */
  readonly encode: (text: string) => number[];
  /** The text of the ids, special tokens included; bytes that are not UTF-8 become U+FFFD. */
  readonly decode: (ids: readonly number[] | Int32Array) => string;
}

const TokenizerFile = z.looseObject({
  added_tokens: z
    .array(z.looseObject({ id: z.int().nonnegative(), content: z.string(), special: z.boolean().optional() }))
    .default([]),
  normalizer: z.unknown().default(null),
  pre_tokenizer: z.unknown().default(null),
  post_processor: z.unknown().default(null),
  decoder: z.unknown().default(null),
  model: z.looseObject({
    // Absent in old files; the library would take any other type for a mere list of words.
    type: z.enum(['BPE', 'WordPiece', 'Unigram']).optional(),
    // BPE and WordPiece: token -> id; Unigram: a list of [token, score].
    vocab: z.union([z.record(z.string(), z.int().nonnegative()), z.array(z.tuple([z.string(), z.number()]))]),
  }),
});

/** The pre-tokenizer for which the ids of a text are those of its words. */
const WordwisePreTokenizer = z.looseObject({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.literal(true).default(true),
});

/** The one thing that is read from the `tokenizer_config.json` beside: the name of the token that ends a text. */
const TokenizerConfig = z.looseObject({
  eos_token: z.union([z.string(), z.looseObject({ content: z.string() })]).nullish(),
});

/** End-of-text tokens of well-known families, tried in this order where no `tokenizer_config.json` names one. */
const KNOWN_EOS = ['<|endoftext|>', '<|end_of_text|>', '</s>', '<eos>', '<|im_end|>', '[SEP]'];

/** Tokens that stand for one to be guessed, of the families of BERT and RoBERTa. */
const KNOWN_MASKS = ['[MASK]', '<mask>'];

/**
 * Loads a `tokenizer.json`: a file, a model folder that holds one, or the parsed object.
 *
 * @throws UserError `tokenizer.not-found`, `tokenizer.unreadable`, `tokenizer.not-json`, `tokenizer.invalid`
 */
export async function loadTokenizer(source: unknown): Promise<Tokenizer> {
  if (typeof source !== 'string') return build(source, 'The tokenizer', undefined);
  const isFolder = await stat(source).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const file = isFolder ? path.join(source, 'tokenizer.json') : source;
  return build(await readJson(file), file, await readEosToken(path.join(path.dirname(file), 'tokenizer_config.json')));
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      throw new UserError(
        'tokenizer.not-found',
        `There is no tokenizer at ${file}.`,
        'Name a tokenizer.json, or a model folder that holds one.',
        { cause: error },
      );
    }
    throw new UserError('tokenizer.unreadable', `${file} cannot be read: ${messageOf(error)}.`, '', { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(
      'tokenizer.not-json',
      `${file} is not JSON: ${messageOf(error)}.`,
      'Was it cut off while it was copied? Fetch it again.',
      { cause: error },
    );
  }
}

async function readEosToken(file: string): Promise<string | undefined> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  const parsed = TokenizerConfig.safeParse(await readJson(file));
  if (!parsed.success) throw invalid(file, z.prettifyError(parsed.error));
  const token = parsed.data.eos_token;
  return typeof token === 'object' ? token?.content : token;
}

const invalid = (name: string, reason: string, cause?: unknown) =>
  new UserError(
    'tokenizer.invalid',
    `${name} is not a tokenizer that Winnow can use: ${reason}.`,
    'It must be the tokenizer.json of the Hugging Face tokenizers library.',
    { cause },
  );

function build(json: unknown, name: string, eosToken: string | undefined): Tokenizer {
  const parsed = TokenizerFile.safeParse(json);
  if (!parsed.success) throw invalid(name, z.prettifyError(parsed.error));
  const { added_tokens: added, model } = parsed.data;
  let library: HuggingFaceTokenizer;
  try {
    // The clean-up that the library does by default drops spaces before punctuation: the text would not come back.
    library = new HuggingFaceTokenizer(parsed.data, { clean_up_tokenization_spaces: false });
  } catch (error) {
    throw invalid(name, messageOf(error), error);
  }

  const vocabIds = Array.isArray(model.vocab) ? model.vocab.map((_, id) => id) : Object.values(model.vocab);
  const largest = [...vocabIds, ...added.map((token) => token.id)].reduce((a, b) => Math.max(a, b), -1);
  if (largest < 0) throw invalid(name, 'its vocabulary is empty');
  if (eosToken !== undefined && library.token_to_id(eosToken) === undefined) {
    throw invalid(name, `its vocabulary lacks the end token ${JSON.stringify(eosToken)} of tokenizer_config.json`);
  }
  const special = new Map(added.filter((token) => token.special === true).map(({ content, id }) => [content, id]));
  const eos = eosToken ?? KNOWN_EOS.find((token) => special.has(token));
  const eosId = eos === undefined ? undefined : library.token_to_id(eos);

  const mask = KNOWN_MASKS.find((token) => special.has(token));
  const templates = templatesOf(library, (token) => special.get(token) ?? library.token_to_id(token));

  const encode = (text: string) => library.encode(text, { add_special_tokens: false }).ids;
  const isWordwise =
    parsed.data.normalizer === null && WordwisePreTokenizer.safeParse(parsed.data.pre_tokenizer).success;

  return {
    vocabSize: largest + 1,
    ...(eosId === undefined ? {} : { eosId }),
    ...(mask === undefined ? {} : { maskId: special.get(mask)! }),
    specialIds: new Set(special.values()),
    ...(templates === undefined ? {} : { templates }),
    fingerprint: createHash('sha256').update(JSON.stringify(json)).digest('hex'),
    encode: isWordwise
      ? encodeByWords(
          encode,
          added.map((token) => token.content),
        )
      : encode,
    decode: (ids) => (ids.length === 0 ? '' : library.decode(Array.from(ids))),
  };
}
