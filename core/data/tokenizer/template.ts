import type { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';

/** One place of a template: a token that always stands there, or the ids of the first or second text. */
export interface TemplatePart {
  readonly put: number | 'first' | 'second';
  /** Which segment it belongs to: 0 or 1 in BERT. */
  readonly type: number;
}

/** What a tokenizer puts around one text and around two. */
export interface Templates {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
}

/** Stand for the texts while the template is read off; no vocabulary has tokens of a lone control character. */
const FIRST = '\u0001';
const SECOND = '\u0002';

/**
 * The template of a tokenizer's post-processor (TemplateProcessing, BertProcessing, RobertaProcessing).
 * @param idOf id of a token by its content
 * @returns undefined where nothing is put around a text
 */
export function templatesOf(
  { post_processor: processor }: HuggingFaceTokenizer,
  idOf: (token: string) => number | undefined,
): Templates | undefined {
  if (processor === null) return undefined;
  const read = (...texts: readonly string[][]): TemplatePart[] | undefined => {
    const [first, second = null] = texts;
    const { tokens, token_type_ids: types } = processor.post_process(first!, second, true);
    const parts = tokens.map((token, i): TemplatePart | undefined => {
      const put = token === FIRST ? 'first' : token === SECOND ? 'second' : idOf(token);
      return put === undefined ? undefined : { put, type: types?.[i] ?? 0 };
    });
    return parts.every((part) => part !== undefined) ? parts : undefined;
  };
  const single = read([FIRST]);
  const pair = read([FIRST], [SECOND]);
  return single && pair && single.length > 1 ? { single, pair } : undefined;
}
