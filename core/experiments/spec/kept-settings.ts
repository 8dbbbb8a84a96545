import path from 'node:path';
import type { Method } from '../method';
import { specPath } from './path';

export type Settings = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a dotted key. */
export function valueAt(settings: Settings, key: string): unknown {
  let at: unknown = settings;
  for (const part of key.split('.')) at = isObject(at) ? at[part] : undefined;
  return at;
}

/** The settings with the value at a dotted key replaced. */
export function withValue(settings: Settings, key: string | readonly string[], value: unknown): Settings {
  const [first = '', ...rest] = typeof key === 'string' ? key.split('.') : key;
  if (rest.length === 0) return { ...settings, [first]: value };
  const inner = settings[first];
  return { ...settings, [first]: withValue(isObject(inner) ? inner : {}, rest, value) };
}

/**
 * Settings that differ from the defaults.
 * @param given what the spec contains anyway
 */
export function unlikeDefaults(method: Method, config: Settings, given: Settings): Settings {
  // Required keys are copied from the settings until the rest can be filled in.
  const required: Record<string, unknown> = {};
  for (;;) {
    const parsed = method.config.safeParse({ ...given, ...required });
    if (parsed.success) return { ...difference(config, parsed.data), ...required };
    const missing = parsed.error.issues.map((issue) => String(issue.path[0])).filter((key) => !(key in required));
    if (missing.length === 0) return config;
    for (const key of missing) required[key] = config[key];
  }
}

function difference(config: Settings, defaults: Settings): Settings {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const usual = defaults[key];
    if (isObject(value) && isObject(usual)) {
      const inner = difference(value, usual);
      if (Object.keys(inner).length > 0) kept[key] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(usual)) kept[key] = value;
  }
  return kept;
}

/**
 * Settings with their paths rewritten for the folder of another spec. @param baseDir the folder that they are relative to now
 */
export function rebased(settings: Settings, { paths = [] }: Method, baseDir: string, file: string): Settings {
  if (path.dirname(path.resolve(file)) === path.resolve(baseDir)) return settings;
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== 'string' || value.startsWith('embedded:') || path.isAbsolute(value)) return value;
    return specPath(file, path.resolve(baseDir, value)) || '.';
  };
  return paths.reduce((all, key) => {
    const value = valueAt(all, key);
    return value === undefined ? all : withValue(all, key, moved(value));
  }, settings);
}

/** Values by dotted key. An object that has a key with a dot in it, which no dotted key could name, is kept whole. */
export function leaves(settings: Settings, prefix = ''): [string, unknown][] {
  return Object.entries(settings).flatMap(([key, value]): [string, unknown][] => {
    const dotted = prefix + key;
    const nested = isObject(value) && Object.keys(value).every((inner) => /^[^.]*[^.\d][^.]*$/.test(inner));
    return nested && Object.keys(value).length > 0 ? leaves(value, `${dotted}.`) : [[dotted, value]];
  });
}
