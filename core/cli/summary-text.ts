import { formatBytes } from '../protocol/format';
import { foldLayers, isFold } from '../protocol/layer-folds';
import { widest } from '../table';
import { fit, oneLine } from '../terminal-text';
import type { ModelSummary, ModuleSummary, TensorSummary } from '../checkpoint/summary';

const integer = new Intl.NumberFormat('en-US');
const MIN_NAME_WIDTH = 16;

interface Row {
  readonly name: string;
  readonly shape: string;
  readonly dtype: string;
  readonly parameters: string;
}

/**
 * The summary as a table for a terminal of `width` columns. Identical numbered layers are merged into one row with
 * their count; the numbers below that row are for a single layer.
 */
export function formatSummary(summary: ModelSummary, { width }: { width: number }): string {
  const { name, modelType, parameters, bytes, tensorCount, dtypes, factored } = summary;
  const kind = modelType === null ? '' : ` (${oneLine(modelType)})`;
  const share = dtypes.map((d) => `${d.dtype} ${integer.format(d.parameters)}`).join(', ');
  const lines = [
    `${oneLine(name)}${kind}`,
    `${integer.format(parameters)} parameters in ${integer.format(tensorCount)} tensors, ${formatBytes(bytes)}`,
    ...(dtypes.length > 0 ? [`dtypes: ${share}`] : []),
  ];
  if (factored.length > 0) {
    const ranks = factored.map(({ rank }) => rank);
    const least = ranks.reduce((a, b) => Math.min(a, b));
    const most = ranks.reduce((a, b) => Math.max(a, b));
    const range = least === most ? `rank ${least}` : `ranks ${least} to ${most}`;
    const total = (of: (layer: (typeof factored)[number]) => number) =>
      integer.format(factored.reduce((sum, layer) => sum + of(layer), 0));
    const saved = `${total((f) => f.parameters)} parameters in place of ${total((f) => f.fullParameters)}`;
    lines.push(`factored: ${factored.length} layers, ${range}, ${saved}`);
  }
  const rows = [...ownTensors(summary.root, 0), ...moduleRows(summary.root.children, 0)];
  return [...lines, '', ...table(rows, width)].join('\n') + '\n';
}

function table(rows: readonly Row[], width: number): string[] {
  const all = [{ name: 'module', shape: 'shape', dtype: 'dtype', parameters: 'parameters' }, ...rows];
  const widthOf = (key: keyof Row) => widest(all.map((row) => row[key]));
  const [shape, dtype, parameters] = [widthOf('shape'), widthOf('dtype'), widthOf('parameters')];
  const room = Math.max(MIN_NAME_WIDTH, width - shape - dtype - parameters - 6);
  const name = Math.min(widthOf('name'), room);
  return all.map((row) =>
    [fit(row.name, name), row.shape.padEnd(shape), row.dtype.padEnd(dtype), row.parameters.padStart(parameters)].join(
      '  ',
    ),
  );
}

const indented = (depth: number, name: string) => '  '.repeat(depth) + oneLine(name);

function moduleRows(modules: readonly ModuleSummary[], depth: number): Row[] {
  return foldLayers(modules).flatMap((entry) => {
    const module = isFold(entry) ? entry.members[0]! : entry;
    const name = isFold(entry) ? `${entry.first}…${entry.last}` : module.name;
    const head = { ...headline(module), name: indented(depth, name) };
    const parameters = isFold(entry) ? `${entry.members.length} × ${head.parameters}` : head.parameters;
    const inside = module.factors === null ? moduleRows(module.children, depth + 1) : [];
    return [{ ...head, parameters }, ...ownTensors(module, depth + 1), ...inside];
  });
}

/** The row of a module; for a layer it shows the weight. */
function headline(module: ModuleSummary): Omit<Row, 'name'> {
  const parameters = integer.format(module.parameters);
  if (module.factors !== null) {
    const { outFeatures, inFeatures, rank } = module.factors;
    const dtypes = module.children.flatMap(({ tensors }) => tensors.map(({ dtype }) => dtype));
    return {
      shape: `${outFeatures} × ${inFeatures}, rank ${rank}${biasOf(module)}`,
      dtype: [...new Set(dtypes)].join('/'),
      parameters,
    };
  }
  const weight = module.tensors.find(({ name }) => name === 'weight');
  if (weight === undefined) return { shape: '', dtype: '', parameters };
  return { shape: shapeText(weight) + biasOf(module), dtype: weight.dtype, parameters };
}

const biasOf = ({ tensors }: ModuleSummary) => (tensors.some(({ name }) => name === 'bias') ? ' + bias' : '');
const shapeText = ({ shape }: TensorSummary) => (shape.length === 0 ? 'scalar' : shape.join(' × '));

/** Tensors that are not shown in the row of their module. */
function ownTensors(module: ModuleSummary, depth: number): Row[] {
  const layer = module.factors !== null || module.tensors.some(({ name }) => name === 'weight');
  return module.tensors
    .filter(({ name }) => !(layer && module.path !== '' && (name === 'weight' || name === 'bias')))
    .map((tensor) => ({
      name: indented(depth, tensor.name),
      shape: shapeText(tensor),
      dtype: tensor.dtype,
      parameters: integer.format(tensor.parameters),
    }));
}
