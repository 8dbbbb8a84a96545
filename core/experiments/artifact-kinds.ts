/** A file that a method writes to `artifacts/` and that is more than a file to a reader. */
export interface ArtifactKind {
  /** What is in it: `tradeoff`, `token-heatmap`, …; the events that tell of it carry the same word. */
  readonly kind: string;
  /** Its name; `*` stands for any part of it. */
  readonly files: string;
  /** The name (`*` as above) that older versions of Winnow gave it, which is read as well. */
  readonly formerly?: string;
  /** The setting that says that a run writes none, and its value then. */
  readonly off?: { readonly key: string; readonly value: unknown };
}

/** The part of a file's name that `*` stands for in the name of a kind; undefined where the file is none of that kind. */
export const partOf = (name: string, { files, formerly }: ArtifactKind): string | undefined =>
  partOfPattern(name, files) ?? (formerly === undefined ? undefined : partOfPattern(name, formerly));

function partOfPattern(name: string, pattern: string): string | undefined {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) return name === before ? '' : undefined;
  const length = name.length - before.length - after.length;
  if (length <= 0 || !name.startsWith(before) || !name.endsWith(after)) return undefined;
  return name.slice(before.length, before.length + length);
}

/** What is in a file, as the kinds that its run's method declares say; undefined for a file that they say nothing of. */
export const kindOf = (name: string, declared: readonly ArtifactKind[]): string | undefined =>
  declared.find((kind) => partOf(name, kind) !== undefined)?.kind;

/** The names of the methods whose runs make artifacts of a kind: `skipvit and gqkva`. */
export function makersOf(
  kind: string,
  methods: readonly { readonly name: string; readonly artifacts?: readonly ArtifactKind[] }[],
): string {
  const makers = methods.filter(({ artifacts }) => artifacts?.some((one) => one.kind === kind));
  return new Intl.ListFormat('en').format(makers.map(({ name }) => name));
}
