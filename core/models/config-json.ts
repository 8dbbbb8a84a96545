import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type * as z from 'zod';
import { familyArchitecture } from '../checkpoint/architecture';
import { UserError } from '../errors';
import { HARMLESS_EVERYWHERE, HARMLESS_PREFIXES, NEUTRAL_EVERYWHERE, type Fields } from './config-fields';

/** How the `config.json` of one `model_type` is read. */
export interface ModelType {
  /** The keys that are understood. */
  readonly schema: z.ZodObject;
  /** What is known of the others. */
  readonly fields: Fields;
}

/** What Winnow computes, by the noun for it, and the `model_type`s of each. */
const KINDS = {
  'language model': ['llama', 'mistral', 'qwen2'],
  'text encoder': ['bert', 'distilbert'],
  'vision transformer': ['vit', 'deit'],
} as const;
export type Kind = keyof typeof KINDS;

/** With its article, for a sentence. */
function nounOf(kind: Kind): string {
  switch (kind) {
    case 'language model':
      return l10n.t('a language model');
    case 'text encoder':
      return l10n.t('a text encoder');
    case 'vision transformer':
      return l10n.t('a vision transformer');
  }
}

function known(): string {
  const [decoders, encoders, images] = Object.values(KINDS).map((types) => types.join(', '));
  return l10n.t`Winnow reads ${decoders!} (language models); ${encoders!} (text encoders); ${images!} (vision transformers).`;
}

/**
 * What a Hugging Face `config.json` says. Every field of it must be understood, or known to change nothing: one that is
 * passed over gives numbers that are wrong, and nobody would know.
 * @param kind what is needed
 * @throws UserError `model.config` that names the key
 */
export function parseConfigJson<Types extends Readonly<Record<string, ModelType>>>(
  kind: Kind,
  types: Types,
  raw: unknown,
): z.output<Types[keyof Types]['schema']> {
  const json = familyArchitecture(typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : {});
  const { model_type: name } = json;
  const type = typeof name === 'string' && Object.hasOwn(types, name) ? types[name] : undefined;
  if (typeof name !== 'string' || type === undefined) throw unknownType(kind, name);
  const { schema, fields } = type;
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw badValue(name, json, parsed.error.issues[0]!);
  for (const [key, value] of Object.entries(json))
    if (!(key in schema.shape) && !isHarmless(key, value, fields)) throw unknownField(name, key, value);
  return parsed.data as z.output<Types[keyof Types]['schema']>;
}

function unknownType(kind: Kind, name: unknown): UserError {
  if (typeof name !== 'string') return new UserError('model.config', l10n.t('config.json has no model_type.'), known());
  const other = (Object.keys(KINDS) as Kind[]).find((one) => (KINDS[one] as readonly string[]).includes(name));
  return new UserError(
    'model.config',
    other === undefined
      ? l10n.t`config.json: Winnow does not support model_type '${name}'.`
      : l10n.t`config.json: model_type '${name}' is ${nounOf(other)}; ${nounOf(kind)} is needed here.`,
    known(),
  );
}

/** @param value null is what transformers takes for a key that is not there, unless it is one that is understood */
function isHarmless(key: string, value: unknown, { neutral, harmless }: Fields): boolean {
  if (value === null || HARMLESS_PREFIXES.some((prefix) => key.startsWith(prefix))) return true;
  const values = neutral[key] ?? NEUTRAL_EVERYWHERE[key];
  if (values) return values.some((one) => isDeepStrictEqual(one, value));
  return [HARMLESS_EVERYWHERE, harmless].some((table) => Object.values(table).some((keys) => keys.includes(key)));
}

function badValue(type: string, json: unknown, { path, message }: z.core.$ZodIssue): UserError {
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], json);
  const key = path.map(String).join('.');
  return new UserError(
    'model.config',
    value === undefined
      ? l10n.t`config.json: '${key}': ${message}.`
      : l10n.t`config.json: '${key}' is ${shown(value)}: ${message}.`,
    l10n.t`Winnow does not support other values of this field for a ${type}.`,
  );
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function unknownField(type: string, key: string, value: unknown): UserError {
  return new UserError(
    'model.config',
    l10n.t`config.json: '${key}' is ${shown(value)}; Winnow does not know how this field changes a ${type}.`,
    l10n.t(
      'If the field does not affect what the model computes, delete it from config.json. Otherwise Winnow cannot use this model.',
    ),
  );
}
