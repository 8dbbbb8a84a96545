import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { makePart, PartError, readPart } from './parts/part';

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

/**
 * The template of a tokenizer's post-processor.
 * @returns undefined where nothing is put around a text
 * @throws PartError
 */
export const readTemplates = (json: unknown): Templates | undefined =>
  makePart<Templates | undefined>('post-processor', json, {
    BertProcessing: (settings, part) => {
      const { cls, sep } = readPart(part, z.strictObject({ cls: TokenAndId, sep: TokenAndId }), settings);
      const single = [at(cls[1]), at('first'), at(sep[1])];
      return { single, pair: [...single, at('second', 1), at(sep[1], 1)] };
    },
    RobertaProcessing: (settings, part) => {
      const { cls, sep } = readPart(part, Roberta, settings);
      const single = [at(cls[1]), at('first'), at(sep[1])];
      return { single, pair: [...single, at(sep[1]), at('second'), at(sep[1])] };
    },
    // It is about where tokens stand in the text.
    ByteLevel: (settings, part) => {
      readPart(part, ByteLevel, settings);
      return undefined;
    },
    Sequence: (settings, part) => {
      const { processors } = readPart(part, z.strictObject({ processors: z.array(z.unknown()) }), settings);
      const [templates, ...more] = processors.map(readTemplates).filter((found) => found !== undefined);
      if (more.length > 0) throw new PartError(part, l10n.t('more than one of its processors adds tokens'));
      return templates;
    },
    TemplateProcessing: templateProcessing,
  });

const at = (put: TemplatePart['put'], type = 0): TemplatePart => ({ put, type });

const Id = z.int().nonnegative();
const TokenAndId = z.tuple([z.string(), Id]);
const OffsetSettings = { trim_offsets: z.boolean().optional(), add_prefix_space: z.boolean().optional() };
const Roberta = z.strictObject({ cls: TokenAndId, sep: TokenAndId, ...OffsetSettings });
const ByteLevel = z.strictObject({ use_regex: z.boolean().optional(), ...OffsetSettings });

const Piece = z.union([
  z.strictObject({ Sequence: z.strictObject({ id: z.enum(['A', 'B']), type_id: z.int() }) }),
  z.strictObject({ SpecialToken: z.strictObject({ id: z.string(), type_id: z.int() }) }),
]);
const Template = z.strictObject({
  single: z.array(Piece),
  pair: z.array(Piece),
  special_tokens: z.record(z.string(), z.looseObject({ ids: z.array(Id) })),
});

function templateProcessing(settings: unknown, part: string): Templates | undefined {
  const { single, pair, special_tokens: tokens } = readPart(part, Template, settings);
  const parts = (pieces: readonly z.output<typeof Piece>[]) =>
    pieces.flatMap((piece): TemplatePart[] => {
      if ('Sequence' in piece) return [at(piece.Sequence.id === 'A' ? 'first' : 'second', piece.Sequence.type_id)];
      const { id, type_id: type } = piece.SpecialToken;
      const token = Object.hasOwn(tokens, id) ? tokens[id] : undefined;
      if (!token) throw new PartError(part, l10n.t`its special_tokens lack ${JSON.stringify(id)}`);
      return token.ids.map((put) => at(put, type));
    });
  const templates = { single: parts(single), pair: parts(pair) };
  if (templates.single.filter(({ put }) => put === 'first').length !== 1)
    throw new PartError(part, l10n.t('its template for one text does not have exactly one place for the text'));
  return templates.single.length > 1 ? templates : undefined;
}
