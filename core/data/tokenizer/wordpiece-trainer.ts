import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { detached } from './byte-level';
import { wordsOf } from './encoder';
import { MergeLearner } from './merge-learner';
import { readNormalizer } from './parts/normalizers';
import { readPreTokenizer } from './parts/pre-tokenizers';

/** The special tokens of BERT in the order of their ids, which are the first. */
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;
type Special = (typeof SPECIAL)[number];
const idOf = (token: Special): number => SPECIAL.indexOf(token);

/** What a piece begins with that continues a word. */
const CONTINUATION = '##';

/** Words of more characters are [UNK] when they are encoded, so nothing is learned of them. */
const MAX_WORD_CHARACTERS = 100;

/** Characters that get a token of their own, the most frequent ones; words with others are [UNK]. */
const MAX_ALPHABET = 1000;

/** A pair that occurs once in the corpus says nothing about the language. */
const MIN_PAIR_COUNT = 2;

interface TemplateItem {
  readonly SpecialToken?: { readonly id: Special; readonly type_id: 0 | 1 };
  readonly Sequence?: { readonly id: 'A' | 'B'; readonly type_id: 0 | 1 };
}

const special = (id: Special, type_id: 0 | 1): TemplateItem => ({ SpecialToken: { id, type_id } });
const sequence = (id: 'A' | 'B', type_id: 0 | 1): TemplateItem => ({ Sequence: { id, type_id } });

/** A Hugging Face `tokenizer.json` as that of bert-base-uncased, with a vocabulary of its own. */
const tokenizerJson = (tokens: readonly string[]) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: SPECIAL.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
    pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
    special_tokens: Object.fromEntries(
      (['[CLS]', '[SEP]'] as const).map((id) => [id, { id, ids: [idOf(id)], tokens: [id] }]),
    ),
  },
  decoder: { type: 'WordPiece', prefix: CONTINUATION, cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: CONTINUATION,
    max_input_chars_per_word: MAX_WORD_CHARACTERS,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
  },
});

export type WordPieceTokenizerJson = ReturnType<typeof tokenizerJson>;

export interface WordPieceTrainerOptions {
  /** Size of the whole vocabulary: special tokens, characters, merges. */
  readonly vocabSize: number;
}

/**
 * Trains the lower-cased WordPiece vocabulary of BERT: counts words, then merges the most frequent pair of neighboring
 * pieces until the vocabulary is full. That is byte pair encoding over characters of which those that continue a word are
 * marked, as the Hugging Face trainer has it; the likelihood that Schuster and Nakajima (2012) merge by was never
 * published with BERT. Ties are broken by the lower ids. The vocabulary stays smaller where no pair occurs twice any more.
 *
 * @throws UserError `tokenizer.vocab-size` when the vocabulary cannot hold the characters and the special tokens
 */
export async function trainWordPiece(
  documents: AsyncIterable<string> | Iterable<string>,
  { vocabSize }: WordPieceTrainerOptions,
): Promise<WordPieceTokenizerJson> {
  const counts = await countWords(documents);
  const { first, continuing } = alphabetOf(counts);
  const alphabet = [...SPECIAL, ...first, ...continuing];
  const learned = vocabSize - alphabet.length;
  if (!Number.isInteger(learned) || learned < 0)
    throw new UserError(
      'tokenizer.vocab-size',
      l10n.t`A vocabulary of ${vocabSize} tokens cannot hold the ${first.length} characters of the text (at the beginning of a word and inside one) and ${SPECIAL.length} special tokens.`,
      l10n.t`Ask for at least ${alphabet.length} tokens.`,
    );
  const ids = new Map(alphabet.map((token, id) => [token, id]));
  const learner = new MergeLearner(alphabet, CONTINUATION);
  for (const [word, count] of counts) {
    const pieces = piecesOf(word).map((piece) => ids.get(piece));
    if (pieces.every((id) => id !== undefined)) learner.addWord(pieces, count);
  }
  return tokenizerJson(learner.learn(learned, MIN_PAIR_COUNT).tokens);
}

/** The characters of a word as pieces: those after the first continue it. */
const piecesOf = (word: string): string[] =>
  Array.from(word, (character, i) => (i === 0 ? character : CONTINUATION + character));

/** Cuts texts into words exactly as the finished tokenizer will. */
async function countWords(documents: AsyncIterable<string> | Iterable<string>): Promise<Map<string, number>> {
  const { normalizer, pre_tokenizer: cutter } = tokenizerJson(SPECIAL);
  const normalize = readNormalizer(normalizer);
  const steps = readPreTokenizer(cutter);
  const counts = new Map<string, number>();
  for await (const text of documents)
    for (const word of wordsOf(normalize({ text, lead: 0 }), steps)) {
      const count = counts.get(word);
      if (count !== undefined) counts.set(word, count + 1);
      else if (Array.from(word).length <= MAX_WORD_CHARACTERS) counts.set(detached(word), 1);
    }
  return counts;
}

/** Characters at the beginning of a word and inside one, in the order of their code points. */
function alphabetOf(counts: ReadonlyMap<string, number>): { first: string[]; continuing: string[] } {
  const frequency = new Map<string, number>();
  for (const [word, count] of counts)
    for (const character of word) frequency.set(character, (frequency.get(character) ?? 0) + count);
  const byCodePoint = ([a]: [string, number], [b]: [string, number]) => a.codePointAt(0)! - b.codePointAt(0)!;
  const kept = [...frequency]
    .sort(byCodePoint)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_ALPHABET)
    .sort(byCodePoint)
    .map(([character]) => character);
  const inside = new Set(Array.from(counts.keys(), piecesOf).flatMap((pieces) => pieces.slice(1)));
  return { first: kept, continuing: kept.map((c) => CONTINUATION + c).filter((piece) => inside.has(piece)) };
}
