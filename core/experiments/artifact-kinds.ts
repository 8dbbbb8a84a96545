import { allOf } from '../protocol/lists';

/** A kind of file that a method writes to `artifacts/` and that panels or other readers understand. */
export interface ArtifactKind {
  /** What the file holds: `tradeoff`, `token-heatmap`, …; `artifact` events use the same word. */
  readonly kind: string;
  /** The file name; `*` matches any text. */
  readonly files: string;
  /** The file name (with `*` as above) in older versions of Winnow, which is still read. */
  readonly formerly?: string;
  /** The setting, and its value, with which a run writes no such file. */
  readonly off?: { readonly key: string; readonly value: unknown };
}

/** The part of a file name that `*` matches in the name of a kind; undefined if the file is not of that kind. */
export const partOf = (name: string, { files, formerly }: ArtifactKind): string | undefined =>
  partOfPattern(name, files) ?? (formerly === undefined ? undefined : partOfPattern(name, formerly));

function partOfPattern(name: string, pattern: string): string | undefined {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) return name === before ? '' : undefined;
  const length = name.length - before.length - after.length;
  if (length <= 0 || !name.startsWith(before) || !name.endsWith(after)) return undefined;
  return name.slice(before.length, before.length + length);
}

/** The kind of a file, by the kinds that the run's method declares; undefined if none of them matches. */
export const kindOf = (name: string, declared: readonly ArtifactKind[]): string | undefined =>
  declared.find((kind) => partOf(name, kind) !== undefined)?.kind;

/** The names of the methods whose runs make artifacts of a kind: `skipvit and gqkva`. */
export function makersOf(
  kind: string,
  methods: readonly { readonly name: string; readonly artifacts?: readonly ArtifactKind[] }[],
): string {
  const makers = methods.filter(({ artifacts }) => artifacts?.some((one) => one.kind === kind));
  return allOf(makers.map(({ name }) => name));
}
