import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { TemplatePart, Templates } from './template';
import type { Tokenizer } from './tokenizer';

/** A text, or a pair of texts, as an encoder reads it. */
export interface EncodedSequence {
  readonly ids: readonly number[];
  /** The segment of each id. */
  readonly types: readonly number[];
}

/**
 * Makes what encoders read of texts: the special tokens of the tokenizer's template around them, at most so many ids. A
 * text that is too long loses its end; of two texts the longer one loses first (transformers calls it longest_first).
 */
export class SequenceEncoder {
  readonly #templates: Templates;

  /**
   * @param maxLength most ids of a sequence, special tokens included
   * @param segments how many kinds of segments the model tells apart; without end where it looks at none
   * @throws UserError `tokenizer.no-template`, `tokenizer.too-short`, `tokenizer.segments`
   */
  constructor(
    readonly tokenizer: Tokenizer,
    readonly maxLength: number,
    readonly segments = Infinity,
  ) {
    if (!tokenizer.templates)
      throw new UserError(
        'tokenizer.no-template',
        l10n.t('The tokenizer does not define the special tokens around a text.'),
        l10n.t(
          'An encoder needs a tokenizer.json with a post_processor such as TemplateProcessing: use the one of its model.',
        ),
      );
    this.#templates = tokenizer.templates;
    const fewest = fixedOf(tokenizer.templates.pair) + 2;
    if (maxLength < fewest)
      throw new UserError(
        'tokenizer.too-short',
        l10n.t`A maximum sequence length of ${maxLength} tokens leaves no room for a pair of texts.`,
        l10n.t`Allow at least ${fewest} tokens.`,
      );
    this.#requireSegments(tokenizer.templates.single);
  }

  /** @throws UserError `tokenizer.segments` for a pair where the model has no embedding of its second segment */
  encode(text: string, pair?: string): EncodedSequence {
    const first = this.tokenizer.encode(text);
    if (pair === undefined) {
      const { single } = this.#templates;
      return fill(single, first.slice(0, this.maxLength - fixedOf(single)), []);
    }
    this.#requireSegments(this.#templates.pair);
    const second = this.tokenizer.encode(pair);
    const room = this.maxLength - fixedOf(this.#templates.pair);
    const [a, b] = longestFirst(first.length, second.length, room);
    return fill(this.#templates.pair, first.slice(0, a), second.slice(0, b));
  }

  #requireSegments(template: readonly TemplatePart[]): void {
    const type = template.find((part) => part.type >= this.segments)?.type;
    if (type !== undefined)
      throw new UserError(
        'tokenizer.segments',
        l10n.t`The tokenizer gives tokens the segment ${type}, but the model's type_vocab_size is ${this.segments}.`,
        l10n.t('Use the tokenizer that the model was trained with.'),
      );
  }
}

/** Tokens of a template that are not of the texts. */
const fixedOf = (template: readonly TemplatePart[]): number =>
  template.filter(({ put }) => typeof put === 'number').length;

function fill(
  template: readonly TemplatePart[],
  first: readonly number[],
  second: readonly number[],
): { ids: number[]; types: number[] } {
  const ids: number[] = [];
  const types: number[] = [];
  for (const { put, type } of template)
    for (const id of put === 'first' ? first : put === 'second' ? second : [put]) {
      ids.push(id);
      types.push(type);
    }
  return { ids, types };
}

/**
 * How many ids of each of two texts stay where `room` ids have place: the longer one is cut down to the shorter, then
 * both are alike, and the one that was longer keeps an odd id. As the Hugging Face tokenizers library does.
 */
function longestFirst(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second);
  const half = Math.floor(room / 2);
  const kept: [number, number] = shorter <= half ? [shorter, room - shorter] : [half, room - half];
  return first <= second ? kept : [kept[1], kept[0]];
}
