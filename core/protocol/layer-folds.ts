import type { ModuleSummary } from './model-summary';

/** Consecutive numbered modules with the same structure, shown as one. */
export interface LayerFold {
  /** At least two, with consecutive numbers. */
  readonly members: readonly ModuleSummary[];
  /** Numbers of the first and last member, as written. */
  readonly first: string;
  readonly last: string;
  /** Totals over all members. */
  readonly parameters: number;
  readonly bytes: number;
}

export const isFold = (entry: ModuleSummary | LayerFold): entry is LayerFold => 'members' in entry;

/**
 * Folds repeated layers: modules with consecutive numbers and the same tensors (names, shapes, dtypes) in the same modules. A
 * difference ends the fold. Everything else, and the order, stays as it is.
 */
export function foldLayers(modules: readonly ModuleSummary[]): (ModuleSummary | LayerFold)[] {
  const runs: ModuleSummary[][] = [];
  for (const module of modules) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run && before && follows(before, module) && structureOf(before) === structureOf(module)) run.push(module);
    else runs.push([module]);
  }
  return runs.flatMap((run): (ModuleSummary | LayerFold)[] => (run.length === 1 ? run : [fold(run)]));
}

function fold(members: readonly ModuleSummary[]): LayerFold {
  const sum = (of: (module: ModuleSummary) => number) => members.reduce((total, member) => total + of(member), 0);
  return {
    members,
    first: members[0]?.name ?? '',
    last: members.at(-1)?.name ?? '',
    parameters: sum(({ parameters }) => parameters),
    bytes: sum(({ bytes }) => bytes),
  };
}

const isNumber = (name: string) => /^\d+$/.test(name);

const follows = (before: ModuleSummary, after: ModuleSummary) =>
  isNumber(before.name) && isNumber(after.name) && Number(after.name) === Number(before.name) + 1;

/** Cached, because it is needed at every update of a tree that does not change. */
const structures = new WeakMap<ModuleSummary, string>();

function structureOf(module: ModuleSummary): string {
  const known = structures.get(module);
  if (known !== undefined) return known;
  const tensors = module.tensors.map(({ name, dtype, shape }) => [name, dtype, shape]);
  // Concatenated by hand: nested JSON strings would double their escapes at every level.
  const children = module.children.map((child) => `${JSON.stringify(child.name)}:${structureOf(child)}`);
  const structure = `${JSON.stringify(tensors)}{${children.join(',')}}`;
  structures.set(module, structure);
  return structure;
}
