import type { ModuleSummary, TensorSummary } from '../../core/protocol/inspection';
import { foldLayers, isFold, type LayerFold } from '../../core/protocol/layer-folds';

/** A row of the tree: a module, several with the same structure, or a tensor. */
export interface TreeRow {
  readonly id: string;
  readonly depth: number;
  readonly label: string;
  readonly parameters: number;
  readonly module: ModuleSummary | undefined;
  readonly tensor: TensorSummary | undefined;
  /** Consecutive layers with the same structure. */
  readonly fold?: LayerFold;
  /** Full name of the tensor, or path of the module. */
  readonly name: string;
  readonly expandable: boolean;
  readonly expanded: boolean;
}

const nameOf = (module: ModuleSummary, tensor: TensorSummary) =>
  module.path === '' ? tensor.name : `${module.path}.${tensor.name}`;

/**
 * The visible rows. A filter shows everything whose name contains all of its words, expanded.
 * @param toggled ids of rows that the user expanded or collapsed, against the default
 */
export function visibleRows(root: ModuleSummary, toggled: ReadonlySet<string>, filter: string): TreeRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (name: string) => words.every((word) => name.toLowerCase().includes(word));
  const rows: TreeRow[] = [];
  const tensorRow = (module: ModuleSummary, tensor: TensorSummary, depth: number, label = tensor.name): TreeRow => ({
    id: `tensor:${nameOf(module, tensor)}`,
    depth,
    label,
    parameters: tensor.parameters,
    module: undefined,
    tensor,
    name: nameOf(module, tensor),
    expandable: false,
    expanded: false,
  });
  const visit = (module: ModuleSummary, depth: number, prefix: string) => {
    const label = prefix + module.name;
    const [only] = module.children;
    // A chain of modules with a single child each is shown as one row.
    if (only && module.children.length === 1 && module.tensors.length === 0 && module.factors === null) {
      visit(only, depth, module.path === '' ? '' : `${label}.`);
      return;
    }
    const [single] = module.tensors;
    if (single && module.tensors.length === 1 && module.children.length === 0) {
      if (fits(nameOf(module, single))) rows.push(tensorRow(module, single, depth, `${label}.${single.name}`));
      return;
    }
    if (words.length > 0 && !anyFits(module, fits)) return;
    const expanded = words.length > 0 || toggled.has(`module:${module.path}`) !== depth < 1;
    if (module.path !== '')
      rows.push({
        id: `module:${module.path}`,
        depth,
        label,
        parameters: module.parameters,
        module,
        tensor: undefined,
        name: module.path,
        expandable: true,
        expanded,
      });
    if (!expanded && module.path !== '') return;
    const inside = module.path === '' ? depth : depth + 1;
    for (const tensor of module.tensors) if (fits(nameOf(module, tensor))) rows.push(tensorRow(module, tensor, inside));
    // Matches are shown individually, not folded.
    const children = words.length > 0 ? module.children : foldLayers(module.children);
    for (const child of children)
      if (isFold(child)) visitFold(module, child, inside);
      else visit(child, inside, '');
  };
  const visitFold = (parent: ModuleSummary, fold: LayerFold, depth: number) => {
    const label = `${fold.first}–${fold.last}`;
    const name = `${parent.path}.${label}`;
    const id = `fold:${name}`;
    const expanded = toggled.has(id);
    const { parameters } = fold;
    rows.push({
      id,
      depth,
      label,
      parameters,
      module: undefined,
      tensor: undefined,
      fold,
      name,
      expandable: true,
      expanded,
    });
    if (expanded) for (const member of fold.members) visit(member, depth + 1, '');
  };
  visit(root, 0, '');
  return rows;
}

function anyFits(module: ModuleSummary, fits: (name: string) => boolean): boolean {
  return (
    module.tensors.some((tensor) => fits(nameOf(module, tensor))) ||
    module.children.some((child) => anyFits(child, fits))
  );
}

/** All tensors in file order, with their full names. */
export function allTensors(module: ModuleSummary): { name: string; tensor: TensorSummary }[] {
  return [
    ...module.tensors.map((tensor) => ({ name: nameOf(module, tensor), tensor })),
    ...module.children.flatMap(allTensors),
  ];
}
