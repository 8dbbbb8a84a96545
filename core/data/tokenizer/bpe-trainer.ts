import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { BYTE_CHARACTERS, detached, SORTED_BYTE_CHARACTERS, WORDS } from './byte-level';
import { MergeLearner } from './merge-learner';

export const END_OF_TEXT = '<|endoftext|>';

/** A Hugging Face `tokenizer.json` with a byte-level BPE model: what the trainer writes. */
export interface BpeTokenizerJson {
  readonly version: '1.0';
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
    readonly single_word: false;
    readonly lstrip: false;
    readonly rstrip: false;
    readonly normalized: false;
    readonly special: true;
  }[];
  readonly normalizer: null;
  readonly pre_tokenizer: ByteLevelStep;
  readonly post_processor: null;
  readonly decoder: ByteLevelStep;
  readonly model: {
    readonly type: 'BPE';
    readonly dropout: null;
    readonly unk_token: null;
    readonly continuing_subword_prefix: null;
    readonly end_of_word_suffix: null;
    readonly fuse_unk: false;
    readonly byte_fallback: false;
    readonly ignore_merges: false;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
  };
}

interface ByteLevelStep {
  readonly type: 'ByteLevel';
  readonly add_prefix_space: false;
  readonly trim_offsets: true;
  readonly use_regex: true;
}

const BYTE_LEVEL: ByteLevelStep = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** A pair that occurs once in the corpus says nothing about the language. */
const MIN_PAIR_COUNT = 2;

export interface BpeTrainerOptions {
  /** Size of the whole vocabulary: 256 bytes, merges, special tokens. */
  readonly vocabSize: number;
  /** Special tokens; they take the last ids. Default: `<|endoftext|>`. */
  readonly specialTokens?: readonly string[];
}

/**
 * Trains byte-level BPE: counts words, then merges the most frequent pair of neighboring tokens until the vocabulary is
 * full. Ties are broken by the lower ids, as the Hugging Face trainer does, so equal text gives equal merges there.
 * The vocabulary stays smaller than asked for where no pair occurs twice any more.
 *
 * @throws UserError `tokenizer.vocab-size` when the vocabulary cannot hold the bytes and the special tokens
 * Source: Sennrich, Haddow and Birch 2016 (arXiv:1508.07909); byte level: Radford et al. 2019 (GPT-2).
 */
export async function trainBpe(
  documents: AsyncIterable<string> | Iterable<string>,
  options: BpeTrainerOptions,
): Promise<BpeTokenizerJson> {
  const specialTokens = options.specialTokens ?? [END_OF_TEXT];
  const learned = options.vocabSize - SORTED_BYTE_CHARACTERS.length - specialTokens.length;
  if (!Number.isInteger(learned) || learned < 0) {
    throw new UserError(
      'tokenizer.vocab-size',
      l10n.t`A vocabulary of ${options.vocabSize} tokens cannot hold 256 bytes and ${specialTokens.length} special tokens.`,
      l10n.t`Ask for at least ${256 + specialTokens.length} tokens.`,
    );
  }

  const counts = new Map<string, number>();
  for await (const text of documents) {
    for (const [word] of text.matchAll(WORDS)) {
      const count = counts.get(word);
      if (count === undefined) counts.set(detached(word), 1);
      else counts.set(word, count + 1);
    }
  }

  const byteIds = BYTE_CHARACTERS.map((character) => SORTED_BYTE_CHARACTERS.indexOf(character));
  const encoder = new TextEncoder();
  const learner = new MergeLearner(SORTED_BYTE_CHARACTERS);
  for (const [word, count] of counts) {
    learner.addWord(
      Array.from(encoder.encode(word), (byte) => byteIds[byte]!),
      count,
    );
  }
  const { tokens, merges } = learner.learn(learned, MIN_PAIR_COUNT);

  return tokenizerJson([...tokens, ...specialTokens], merges, specialTokens);
}

function tokenizerJson(
  tokens: readonly string[],
  merges: readonly (readonly [string, string])[],
  specialTokens: readonly string[],
): BpeTokenizerJson {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content) => ({
      id: tokens.lastIndexOf(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: BYTE_LEVEL,
    post_processor: null,
    decoder: BYTE_LEVEL,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
