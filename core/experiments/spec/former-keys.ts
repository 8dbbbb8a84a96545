import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

/**
 * Settings of a method that were renamed: the place of each former key, and its name of today. Places are dotted, `*` for
 * every item of a list; the keys above are those of today, so that what is renamed inside a renamed setting comes after it.
 */
export type FormerKeys = Readonly<Record<string, string>>;

type Path = readonly (string | number)[];

/** A former key that a spec still has. */
export interface FormerKey {
  /** Where it stands in the spec. */
  readonly path: Path;
  /** The same place in the words of today. */
  readonly now: Path;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Settings under their names of today.
 * @param where names a place for the error
 * @throws UserError `spec.renamed-key` where a setting has both its names
 */
export function withCurrentKeys(
  settings: Readonly<Record<string, unknown>>,
  former: FormerKeys = {},
  where: (path: Path) => string = () => '',
): { readonly settings: Readonly<Record<string, unknown>>; readonly found: readonly FormerKey[] } {
  const found: FormerKey[] = [];
  let current: unknown = settings;
  for (const [place, name] of Object.entries(former))
    current = renamed(current, place.split('.'), name, [], (now, key, isTwice) => {
      const path = [...placeInSpec(now.slice(0, -1), found), key];
      if (isTwice) throw twice({ path, now }, where(path));
      found.push({ path, now });
    });
  return { settings: current as Readonly<Record<string, unknown>>, found };
}

/** Where a place in the words of today stands in a spec that has former keys. */
export function placeInSpec<Key extends PropertyKey>(
  path: readonly Key[],
  found: readonly FormerKey[],
): readonly (Key | string | number)[] {
  const above = found
    .filter(({ now }) => now.length <= path.length && now.every((key, i) => key === path[i]))
    .sort((a, b) => b.now.length - a.now.length)[0];
  return above ? [...above.path, ...path.slice(above.now.length)] : path;
}

function renamed(
  value: unknown,
  [key = '', ...rest]: readonly string[],
  name: string,
  above: Path,
  tell: (now: Path, key: string, isTwice: boolean) => void,
): unknown {
  if (key === '*')
    return Array.isArray(value) ? value.map((item, i) => renamed(item, rest, name, [...above, i], tell)) : value;
  if (!isObject(value) || !Object.hasOwn(value, key)) return value;
  if (rest.length > 0) return { ...value, [key]: renamed(value[key], rest, name, [...above, key], tell) };
  tell([...above, name], key, Object.hasOwn(value, name));
  // In its place, so that what is written again has the order of what was read.
  return Object.fromEntries(Object.entries(value).map(([own, inner]) => [own === key ? name : own, inner]));
}

const twice = ({ path, now }: FormerKey, where: string) =>
  new UserError(
    'spec.renamed-key',
    l10n.t`${where === '' ? '' : `${where}: `}"${path.join('.')}" is the former name of "${now.join('.')}", and both are given.`,
    l10n.t`Remove "${path.join('.')}".`,
  );
