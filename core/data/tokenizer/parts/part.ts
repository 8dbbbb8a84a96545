import * as l10n from '@vscode/l10n';
import * as z from 'zod';

/** A part of `tokenizer.json` that is not followed to the letter. Who loads the file says which file it was. */
export class PartError extends Error {
  /** @param part what to call it in a sentence: `the pre-tokenizer UnicodeScripts` */
  constructor(
    readonly part: string,
    readonly reason: string,
  ) {
    super(`${part}: ${reason}`);
  }
}

/** What a part says, checked. A setting that is not in the schema is refused: it may change the ids. */
export function readPart<Schema extends z.ZodType>(part: string, schema: Schema, json: unknown): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.length ? `${issue.path.join('.')}: ` : '';
  throw new PartError(part, `${at}${issue?.message ?? l10n.t('it cannot be read')}`);
}

const Typed = z.looseObject({ type: z.string() });

/** Makes a part by its `type`. @throws PartError where there is none of this type */
export function makePart<Part>(
  kind: string,
  json: unknown,
  makers: Readonly<Record<string, (settings: unknown, part: string) => Part>>,
): Part {
  const typed = Typed.safeParse(json);
  if (!typed.success) throw new PartError(l10n.t`the ${kind}`, l10n.t('it has no type'));
  const { type, ...settings } = typed.data;
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  const part = l10n.t`the ${kind} ${type}`;
  if (!make) throw new PartError(part, l10n.t('Winnow does not support it'));
  return make(settings, part);
}

/** For a part without settings. */
export const NoSettings = z.strictObject({});
