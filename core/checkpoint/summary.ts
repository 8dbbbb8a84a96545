import type {
  FactoredLayer,
  Factors,
  ModelSummary,
  ModuleSummary,
  StoredDtype,
  TensorSummary,
} from '../protocol/model-summary';
import { elementCount } from './dtype';
import type { JsonObject } from './model-folder';
import type { TensorInfo } from './safetensors';

export type { FactoredLayer, Factors, ModelSummary, ModuleSummary, TensorSummary } from '../protocol/model-summary';

/** Real modules nest at most a dozen deep; a hostile name of a million dots must not become a million objects. */
const MAX_DEPTH = 32;

/** The input of `summarize`: a model folder or a single safetensors file. */
export interface Summarizable {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly config?: JsonObject;
}

/** Counts, dtypes, ranks and the module tree of a folder or file, from its headers only. */
export function summarize(model: Summarizable): ModelSummary {
  const root = moduleTree(model.tensors.values());
  const modelType = model.config?.model_type;
  return {
    name: model.name,
    modelType: typeof modelType === 'string' ? modelType : null,
    parameters: root.parameters,
    bytes: root.bytes,
    tensorCount: model.tensors.size,
    dtypes: countDtypes(model.tensors.values()),
    factored: factoredLayers(root),
    metadata: model.metadata,
    root,
  };
}

function countDtypes(tensors: Iterable<TensorInfo>): ModelSummary['dtypes'] {
  const counts = new Map<StoredDtype, { tensors: number; parameters: number; bytes: number }>();
  for (const { dtype, shape, byteLength } of tensors) {
    const { tensors, parameters, bytes } = counts.get(dtype) ?? { tensors: 0, parameters: 0, bytes: 0 };
    counts.set(dtype, {
      tensors: tensors + 1,
      parameters: parameters + elementCount(shape)!,
      bytes: bytes + byteLength,
    });
  }
  return [...counts].map(([dtype, count]) => ({ dtype, ...count })).sort((a, b) => b.bytes - a.bytes);
}

interface Branch {
  readonly name: string;
  readonly path: string;
  readonly tensors: TensorSummary[];
  readonly children: Map<string, Branch>;
  bytes: number;
}

function moduleTree(tensors: Iterable<TensorInfo>): ModuleSummary {
  const root: Branch = { name: '', path: '', tensors: [], children: new Map(), bytes: 0 };
  for (const { name, dtype, shape, byteLength } of tensors) {
    let branch = root;
    let start = 0;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const dot = name.indexOf('.', start);
      if (dot === -1) break;
      const part = name.slice(start, dot);
      const child = branch.children.get(part) ?? {
        name: part,
        path: name.slice(0, dot),
        tensors: [],
        children: new Map<string, Branch>(),
        bytes: 0,
      };
      branch.children.set(part, child);
      branch = child;
      start = dot + 1;
    }
    branch.bytes += byteLength;
    branch.tensors.push({ name: name.slice(start), dtype, shape, parameters: elementCount(shape)! });
  }
  return close(root);
}

const inOrder = new Intl.Collator('en', { numeric: true });

function close({ name, path, tensors, children, bytes }: Branch): ModuleSummary {
  const closed = [...children.values()].map(close).sort(byNumber);
  const sum = (values: readonly { parameters: number }[]) =>
    values.reduce((total, { parameters }) => total + parameters, 0);
  return {
    name,
    path,
    parameters: sum(tensors) + sum(closed),
    bytes: closed.reduce((total, child) => total + child.bytes, bytes),
    tensors,
    factors: factorsOf(closed),
    children: closed,
  };
}

/** Numbered layers by number; everything else stays in the file's order, mostly that of the forward pass. */
function byNumber(a: ModuleSummary, b: ModuleSummary): number {
  return /^\d+$/.test(a.name) && /^\d+$/.test(b.name) ? inOrder.compare(a.name, b.name) : 0;
}

function factorsOf(children: readonly ModuleSummary[]): Factors | null {
  const shapeOf = (name: string) =>
    children.find((child) => child.name === name)?.tensors.find((tensor) => tensor.name === 'weight')?.shape;
  const [u, v] = [shapeOf('u'), shapeOf('v')];
  if (u?.length !== 2 || v?.length !== 2 || u[1] !== v[0]) return null;
  return { outFeatures: u[0]!, inFeatures: v[1]!, rank: u[1]! };
}

function factoredLayers(module: ModuleSummary): FactoredLayer[] {
  const { path, factors, children } = module;
  const below = children.flatMap(factoredLayers);
  if (factors === null) return below;
  const { outFeatures, inFeatures, rank } = factors;
  const fullParameters = outFeatures * inFeatures;
  return [{ path, ...factors, parameters: rank * (outFeatures + inFeatures), fullParameters }, ...below];
}
