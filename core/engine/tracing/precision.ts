import type { GraphBuilder, Value } from '../onnx/graph';

/** What matrix products and activations are computed in. */
export const PRECISIONS = ['float32', 'float16'] as const;
export type Precision = (typeof PRECISIONS)[number];

// In float16, operators are chosen as by PyTorch's autocast: products have float16 operands; what follows element by element stays in
// the type that it gets; all others, above all norms, softmax, losses, sums and functions that magnify errors or overflow soon, are
// float32. To tf.js, all of that is float32.

const PRODUCTS: ReadonlySet<string> = new Set(['BatchMatMul', 'ScaledMatMul']);

/** Operators with operands of one type, float16 or float32. */
const EITHER: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Multiply', 'RealDiv', 'AddN', 'Maximum', 'Minimum', 'Select', 'Neg', 'Abs', 'Relu', 'Sigmoid'],
  ...['FusedGelu', 'Concat', 'Pack', 'Unpack', 'SplitV', 'Slice', 'StridedSlice', 'Reshape', 'ExpandDims', 'Transpose'],
  ...['Tile', 'PadV2', 'Reverse', 'GatherV2', 'Identity', 'ZerosLike', 'OnesLike'],
]);

/** Kernels that see to the types themselves. */
const OWN: ReadonlySet<string> = new Set(['Join', 'Parts', 'After', 'FusedRotary']);

/** The largest float16, and the smallest that has all its digits. */
const [LARGEST, SMALLEST] = [65_504, 2 ** -14];

const isFloat = ({ element }: Value): boolean => element === 'float32' || element === 'float16';

/** Whether a float32 operand may follow the float16 of the others: a number that float16 has, or a bias. */
function follows(graph: GraphBuilder, kernelName: string, value: Value): boolean {
  const number = graph.uniformConstant(value);
  if (number !== undefined) return number === 0 || (Math.abs(number) <= LARGEST && Math.abs(number) >= SMALLEST);
  return kernelName === 'Add' && value.shape.length === 1 && graph.isGiven(value);
}

/** The operands of a kernel in the types that it computes in. */
export function inPrecisionOf(
  kernelName: string,
  precision: Precision,
  graph: GraphBuilder,
  operands: Readonly<Record<string, Value>>,
  attributes: Readonly<Record<string, unknown>>,
): Readonly<Record<string, Value>> {
  if (OWN.has(kernelName)) return operands;
  const values = Object.values(operands).filter(isFloat);
  const all = (element: 'float16' | 'float32') =>
    Object.fromEntries(
      Object.entries(operands).map(([name, value]) => [name, isFloat(value) ? graph.cast(value, element) : value]),
    );
  if (precision === 'float16' && PRODUCTS.has(kernelName) && attributes.exact !== true) return all('float16');
  if (!values.some(({ element }) => element === 'float16')) return operands;
  const stays =
    precision === 'float16' &&
    EITHER.has(kernelName) &&
    values.every((value) => value.element === 'float16' || follows(graph, kernelName, value));
  return all(stays ? 'float16' : 'float32');
}
