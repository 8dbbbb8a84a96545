import type { FormerKeys } from './former-keys';
import { withCurrentKeys } from './former-keys';

/**
 * Settings that a method had before they could be chosen: the dotted path of each, and the value that all earlier runs had.
 * A spec that leaves such a setting out gets today's default; a recorded run that lacks it was made with this value.
 */
export type FormerDefaults = Readonly<Record<string, unknown>>;

type Settings = Readonly<Record<string, unknown>>;

/** What a method says of the settings of older runs. */
interface Former {
  readonly formerKeys?: FormerKeys | undefined;
  readonly formerDefaults?: FormerDefaults | undefined;
}

/** The settings that a run was made with, whichever version recorded them, under their current names. */
export function recordedSettings(settings: Settings, { formerKeys, formerDefaults = {} }: Former = {}): Settings {
  return Object.entries(formerDefaults).reduce(
    (own, [place, value]) => withMissing(own, place.split('.'), value),
    withCurrentKeys(settings, formerKeys).settings,
  );
}

function withMissing(settings: Settings, [key = '', ...rest]: readonly string[], value: unknown): Settings {
  const has = Object.hasOwn(settings, key);
  if (rest.length === 0) return has ? settings : { ...settings, [key]: value };
  const inner = has ? settings[key] : {};
  return isObject(inner) ? { ...settings, [key]: withMissing(inner, rest, value) } : settings;
}

const isObject = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
