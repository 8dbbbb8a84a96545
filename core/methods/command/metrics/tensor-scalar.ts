import { decodeToFloat32, type Dtype } from '../../../checkpoint/dtype';
import type { TensorMessage } from './event-proto';

interface Type {
  /** The list that has the values if `tensorContent` is empty. */
  readonly list: keyof TensorMessage;
  readonly bytes: number;
  readonly read: (view: DataView) => number;
}

const narrow = (dtype: Dtype, view: DataView) =>
  decodeToFloat32(dtype, new Uint8Array(view.buffer, view.byteOffset, 2))[0] ?? NaN;

/** The real number types of TensorFlow's types.proto, by `DataType`. */
const TYPES: Readonly<Record<number, Type>> = {
  1: { list: 'floatVal', bytes: 4, read: (view) => view.getFloat32(0, true) },
  2: { list: 'doubleVal', bytes: 8, read: (view) => view.getFloat64(0, true) },
  3: { list: 'intVal', bytes: 4, read: (view) => view.getInt32(0, true) },
  4: { list: 'intVal', bytes: 1, read: (view) => view.getUint8(0) },
  5: { list: 'intVal', bytes: 2, read: (view) => view.getInt16(0, true) },
  6: { list: 'intVal', bytes: 1, read: (view) => view.getInt8(0) },
  9: { list: 'int64Val', bytes: 8, read: (view) => Number(view.getBigInt64(0, true)) },
  10: { list: 'boolVal', bytes: 1, read: (view) => Math.min(1, view.getUint8(0)) },
  14: { list: 'halfVal', bytes: 2, read: (view) => narrow('BF16', view) },
  17: { list: 'intVal', bytes: 2, read: (view) => view.getUint16(0, true) },
  19: { list: 'halfVal', bytes: 2, read: (view) => narrow('F16', view) },
  22: { list: 'uint32Val', bytes: 4, read: (view) => view.getUint32(0, true) },
  23: { list: 'uint64Val', bytes: 8, read: (view) => Number(view.getBigUint64(0, true)) },
};

/** The number in a tensor with one element; undefined for strings, complex numbers, and empty or larger tensors. */
export function scalarOf(tensor: TensorMessage): number | undefined {
  const type = TYPES[tensor.dtype];
  const elements = (tensor.tensorShape?.dim ?? []).reduce((product, { size }) => product * size, 1);
  if (!type || elements !== 1) return undefined;
  const bytes = Uint8Array.from(tensor.tensorContent);
  if (bytes.length > 0) return bytes.length === type.bytes ? type.read(new DataView(bytes.buffer)) : undefined;
  const [value, ...others] = tensor[type.list] as readonly (number | boolean)[];
  if (others.length > 0) return undefined;
  // TensorFlow omits zeros.
  if (value === undefined) return 0;
  if (type.list !== 'halfVal') return Number(value);
  const code = new DataView(new ArrayBuffer(2));
  code.setUint16(0, Number(value), true);
  return type.read(code);
}
