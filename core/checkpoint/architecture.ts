import type { JsonObject } from './model-folder';

/**
 * What `config.json` calls a model that transformers has no code for: one with factored layers, or with heads shared in
 * ways that transformers does not support. Under the name of its family, transformers would load it with random weights
 * in place of those that it does not find, and only print a warning; a name that it does not know, it refuses.
 */
const TYPE_PREFIX = 'winnow_';
const CLASS_PREFIX = 'Winnow';

/** The default of transformers for a vision transformer that does not say how many heads it has. */
const DEFAULT_HEADS = 12;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a `config.json` describes that only Winnow computes; empty if other programs can load the model. */
export function winnowOnly(config: JsonObject): readonly ('factored layers' | 'shared attention heads')[] {
  if (!isObject(config.winnow)) return [];
  const { ranks, queryHeads, kvHeads, sharedKeyValue } = config.winnow;
  const heads = config.num_attention_heads ?? DEFAULT_HEADS;
  const standard = config.num_key_value_heads ?? heads;
  const shared =
    sharedKeyValue === true ||
    (queryHeads !== undefined && queryHeads !== heads) ||
    (kvHeads !== undefined && kvHeads !== standard);
  return [
    ...(isObject(ranks) && Object.keys(ranks).length > 0 ? (['factored layers'] as const) : []),
    ...(shared ? (['shared attention heads'] as const) : []),
  ];
}

/** The config with the family's names, which other programs know, whoever wrote it. */
export function familyArchitecture(config: JsonObject): JsonObject {
  const { model_type: type, architectures } = config;
  return {
    ...config,
    ...(typeof type === 'string' && type.startsWith(TYPE_PREFIX) && { model_type: type.slice(TYPE_PREFIX.length) }),
    ...(Array.isArray(architectures) && {
      architectures: architectures.map((name: unknown) =>
        typeof name === 'string' && name.startsWith(CLASS_PREFIX) ? name.slice(CLASS_PREFIX.length) : name,
      ),
    }),
  };
}

/** The config with the names that are true of the model: the family's, or Winnow's own. */
export function honestArchitecture(config: JsonObject): JsonObject {
  const family = familyArchitecture(config);
  if (winnowOnly(config).length === 0) return family;
  const { model_type: type, architectures } = family;
  return {
    ...family,
    ...(typeof type === 'string' && { model_type: TYPE_PREFIX + type }),
    ...(Array.isArray(architectures) && {
      architectures: architectures.map((name: unknown) => (typeof name === 'string' ? CLASS_PREFIX + name : name)),
    }),
  };
}
