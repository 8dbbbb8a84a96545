import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

/**
 * The renamed settings of a method: the dotted path of each former key, and its current name. `*` stands for every item of a
 * list. Parent keys have their current names, so a setting inside a renamed one must be listed after it.
 */
export type FormerKeys = Readonly<Record<string, string>>;

type Path = readonly (string | number)[];

/** A former key found in a spec. */
export interface FormerKey {
  /** Its path in the spec. */
  readonly path: Path;
  /** The same path with current names. */
  readonly now: Path;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Settings under their current names.
 * @param where names a path for error messages
 * @throws UserError `spec.renamed-key` if a setting is given under both names
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

/**
 * A path under the names that a value already has: an override with a former name changes a setting that has its current
 * name, and the other way around.
 */
export function pathLike(value: unknown, path: readonly string[], former: FormerKeys = {}): readonly string[] {
  return Object.entries(former).reduce<readonly string[]>((own, [place, name]) => {
    const above = place.split('.');
    const last = above.pop()!;
    const key = own[above.length];
    if ((key !== last && key !== name) || !above.every((one, i) => one === '*' || one === own[i])) return own;
    const parent = above.reduce<unknown>((inner, _, i) => (isObject(inner) ? inner[own[i]!] : undefined), value);
    const other = key === last ? name : last;
    const isOther = isObject(parent) && Object.hasOwn(parent, other) && !Object.hasOwn(parent, key);
    return isOther ? own.with(above.length, other) : own;
  }, path);
}

/** The path in a spec with former keys that belongs to a path with current names. */
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
  // At the same position, so that the order of keys is kept when it is written again.
  return Object.fromEntries(Object.entries(value).map(([own, inner]) => [own === key ? name : own, inner]));
}

const twice = ({ path, now }: FormerKey, where: string) =>
  new UserError(
    'spec.renamed-key',
    l10n.t`${where === '' ? '' : `${where}: `}"${path.join('.')}" is the former name of "${now.join('.')}", and both are given.`,
    l10n.t`Remove "${path.join('.')}".`,
  );
