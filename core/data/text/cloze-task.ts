import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { Random } from '../../random';
import type { Tokenizer } from '../tokenizer/tokenizer';
import type { TextDocument } from './document';
import type { MultipleChoiceItem } from './multiple-choice';

export interface ClozeTaskOptions {
  /** Questions to make. */
  readonly count: number;
  readonly seed: number;
  /** Most tokens of a context with its longest choice: the model's sequence length. */
  readonly maxTokens: number;
}

const CHOICES = 4;

/** Words of a choice: enough to carry meaning, few enough that most sentences have them. */
const CHOICE_WORDS = 8;

/** A context shorter than this says too little about what follows. */
const MIN_CONTEXT_WORDS = 16;

/** Tries per question before the text counts as too short. */
const MAX_TRIES = 100;

/** A sentence, up to the white space after its end. */
const SENTENCE = /\S[^]*?[.!?]["'”’)\]]*(?=\s|$)/g;

/** The end of a sentence, not of an abbreviation such as "Mr." or "U.S.": a word of some length comes before the mark. */
const SENTENCE_END = /\p{L}{4}[.!?]["'”’)\]]*\s+$/u;

/** Where a sentence begins: the document's words before it can be a context, its first words a choice. */
interface Opening {
  readonly document: number;
  /** Index of the sentence's first character in the text. */
  readonly start: number;
  /** Its first words, joined by single spaces. */
  readonly words: string;
}

/**
 * Makes a multiple-choice task out of running text: the context is a passage up to the end of a sentence, the right
 * choice the first words of the next sentence, the wrong ones the first words of sentences elsewhere, of equal length in
 * words. Whoever knows the subject and the style of the passage does better than the 25 % of chance. Deterministic.
 *
 * @throws UserError `task.too-little-text` when the text does not give so many different questions
 */
export function makeClozeTask(
  documents: Iterable<TextDocument>,
  tokenizer: Tokenizer,
  { count, seed, maxTokens }: ClozeTaskOptions,
): MultipleChoiceItem[] {
  const texts = Array.from(documents, (document) => document.text);
  const openings = texts.flatMap((text, document) => findOpenings(text, document));
  const random = new Random(seed);
  const used = new Set<Opening>();
  const items: MultipleChoiceItem[] = [];
  for (let tries = 0; items.length < count; tries += 1) {
    const right = openings.length === 0 ? undefined : openings[random.int(openings.length)];
    if (right === undefined || tries >= count * MAX_TRIES) throw tooLittleText(items.length, count);
    if (used.has(right)) continue;
    const words = drawChoices(openings, right, random);
    if (words === undefined) continue;
    const choices = words.map((choice) => ` ${choice}`);
    const longest = Math.max(...choices.map((choice) => tokenizer.encode(choice).length));
    const context = fitContext(texts[right.document]!.slice(0, right.start), tokenizer, maxTokens - longest);
    if (context === undefined) continue;
    used.add(right);
    random.shuffle(choices);
    items.push({ context, choices, gold: choices.indexOf(` ${right.words}`) });
  }
  return items;
}

const tooLittleText = (made: number, count: number) =>
  new UserError(
    'task.too-little-text',
    l10n.t`The held-out text gives only ${made} of ${count} multiple-choice questions.`,
    l10n.t('Ask for fewer questions, hold out more text, or use longer blocks.'),
  );

function findOpenings(text: string, document: number): Opening[] {
  const openings: Opening[] = [];
  for (const { 0: sentence, index: start } of text.matchAll(SENTENCE)) {
    const words = sentence.split(/\s+/, CHOICE_WORDS);
    const follows = SENTENCE_END.test(text.slice(Math.max(0, start - 20), start));
    if (follows && words.length === CHOICE_WORDS) openings.push({ document, start, words: words.join(' ') });
  }
  return openings;
}

/** The right words and wrong ones, all different; undefined when the draws fell on equal ones. */
function drawChoices(openings: readonly Opening[], right: Opening, random: Random): string[] | undefined {
  const words = [right.words];
  while (words.length < CHOICES) {
    const other = openings[random.int(openings.length)]!;
    if (words.includes(other.words)) return undefined;
    words.push(other.words);
  }
  return words;
}

/** The last words of a passage that fit into so many tokens; undefined when too few do. */
function fitContext(passage: string, tokenizer: Tokenizer, maxTokens: number): string | undefined {
  // A token spells at least one byte of a word or the space before it, so no more words than tokens can fit.
  const words = passage.trimEnd().split(/\s+/).slice(-maxTokens);
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tokenizer.encode(words.slice(middle).join(' ')).length <= maxTokens) high = middle;
    else low = middle + 1;
  }
  return words.length - low < MIN_CONTEXT_WORDS ? undefined : words.slice(low).join(' ');
}
