import type { BackendValues, DataType, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { SMALL } from './gradients';
import type { DType } from '../host';
import { isDType } from '../host';
import type { GraphBuilder, Value } from '../onnx/graph';
import { inPrecisionOf, type Precision } from './precision';

export const BACKEND = 'onnx';

/** Raised while a step is traced: names the step, the operator, the shapes, and the line in the user's code. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

/**
 * What a graph is made for. On a CPU, passes over memory and the size of the caches count; on a GPU, the number of nodes counts,
 * because each is at least one launch of a kernel. `webgpu` lacks some kernels that `cuda` has.
 */
export type Target = 'cpu' | 'cuda' | 'webgpu';

type DataId = object;

/**
 * A tf.js backend that computes nothing: its tensors are values of an ONNX graph under construction, and its kernels
 * (./kernels) append nodes to that graph. Values written to it become constants; values cannot be read from it.
 */
class TracingBackend extends tf.KernelBackend {
  graph: GraphBuilder | undefined;
  /** Elements in a block of an element-wise function (../ops/blockwise); 0 for no blocks. */
  blockSize = 0;
  target: Target = 'cpu';
  precision: Precision = 'float32';
  #values = new Map<DataId, Value>();

  begin(graph: GraphBuilder, blockSize: number, target: Target): void {
    this.graph = graph;
    this.blockSize = blockSize;
    this.target = target;
    this.precision = 'float32';
    this.#values = new Map();
  }

  /** Traces `compute` in another precision. */
  inPrecision<T>(precision: Precision, compute: () => T): T {
    const around = this.precision;
    this.precision = precision;
    try {
      return compute();
    } finally {
      this.precision = around;
    }
  }

  /** Traces `compute` into another graph, whose nodes may use the values of this one. */
  within<T>(graph: GraphBuilder, compute: () => T): T {
    const around = this.tracing;
    this.graph = graph;
    try {
      return compute();
    } finally {
      this.graph = around;
    }
  }

  end(): void {
    this.graph = undefined;
    this.#values = new Map();
  }

  get tracing(): GraphBuilder {
    if (!this.graph)
      throw new TraceError(`the '${BACKEND}' backend only works inside a compiled step; call compile(step) first`);
    return this.graph;
  }

  valueFor(dataId: DataId): Value {
    const value = this.#values.get(dataId);
    if (!value)
      throw new TraceError(
        'a tensor that was made outside this step is used inside it; pass it in through the state or the batch',
      );
    return value;
  }

  register(value: Value): DataId {
    const dataId = {};
    this.#values.set(dataId, value);
    return dataId;
  }

  override write(values: BackendValues | null, shape: number[], dtype: DataType): DataId {
    return this.register(constantOf(this.tracing, values, shape, dtype));
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType): void {
    this.#values.set(dataId, constantOf(this.tracing, values, shape, dtype));
  }

  override read(dataId: DataId): Promise<BackendValues> {
    return Promise.reject(this.#unreadable(dataId));
  }

  override readSync(dataId: DataId): BackendValues {
    throw this.#unreadable(dataId);
  }

  #unreadable(dataId: DataId): TraceError {
    const value = this.valueFor(dataId);
    return new TraceError(
      `the value of a tensor of shape [${value.shape.join(', ')}] is read inside the step, where it has none yet: ` +
        'return it among the metrics and read it after the run',
    );
  }

  // Symbolic tensors own no memory: the graph drops what its outputs do not need.
  override disposeData(): boolean {
    return true;
  }
  override incRef(): void {
    // nothing to count
  }
  decRef(): void {
    // nothing to count
  }
  override refCount(): number {
    return 1;
  }
  override numDataIds(): number {
    return this.#values.size;
  }
  override memory() {
    return { unreliable: true, reasons: ['tensors are symbolic'] };
  }
  override timerAvailable(): boolean {
    return false;
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override dispose(): void {
    this.end();
  }
}

/** A loop, because a callback for each element takes seconds where there are millions. */
function isUniform(numbers: ArrayLike<number>): boolean {
  const first = numbers[0];
  for (let i = 1; i < numbers.length; i++) if (numbers[i] !== first) return false;
  return true;
}

function constantOf(graph: GraphBuilder, values: BackendValues | null, shape: number[], dtype: DataType): Value {
  if (!isDType(dtype)) throw new TraceError(`tensors of type '${dtype}' cannot be part of a step`);
  const numbers = values === null ? new Float32Array(tf.util.sizeFromShape(shape)) : (values as ArrayLike<number>);
  const store = (dims: readonly number[], source: ArrayLike<number>): Value => {
    switch (dtype) {
      case 'float32':
        return graph.constant('float32', dims, Float32Array.from(source));
      case 'int32':
        return graph.constant('int32', dims, Int32Array.from(source));
      case 'bool':
        return graph.constant('bool', dims, Uint8Array.from(source));
    }
  };
  // A large tensor of equal elements (such as the zeros around the gradient of a slice) is stored as one number.
  const first = numbers[0];
  if (numbers.length <= SMALL || first === undefined || !isUniform(numbers)) return store(shape, numbers);
  return graph.node('Expand', [store([], [first]), graph.indices(shape)], dtype, shape);
}

export const backend = new TracingBackend();
tf.registerBackend(BACKEND, () => backend, 0);

/** The dtype that tf.js sees: float16 is a matter of the graph. */
export const elementOf = (dtype: string): DType => {
  if (dtype === 'float16') return 'float32';
  if (isDType(dtype)) return dtype;
  throw new TraceError(`tensors of type '${dtype}' cannot be part of a step`);
};

/** The arguments of a kernel. */
export interface KernelCall {
  readonly graph: GraphBuilder;
  readonly target: Target;
  /** The kernel's named inputs; a list input (`Concat`, `Pack`) is under `0`, `1`, … */
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** @returns the value of a named input; if it is missing, the kernel has a bug, not the user's code */
export function need(inputs: Readonly<Record<string, Value>>, name: string): Value {
  const value = inputs[name];
  if (!value) throw new TraceError(`kernel input '${name}' is missing`);
  return value;
}

export function tensorInfo(value: Value): TensorInfo {
  return { dataId: backend.register(value), shape: [...value.shape], dtype: elementOf(value.element) };
}

export const listInputs = (inputs: Readonly<Record<string, Value>>): Value[] =>
  Object.keys(inputs)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => need(inputs, key));

/** A value with the shape and dtype that tf.js knows it by. */
const asSeen = (value: Value, { shape, dtype }: TensorInfo): Value => ({
  ...value,
  shape,
  element: value.element === 'float16' ? 'float16' : elementOf(dtype),
});

/** Registers one kernel of the tracing backend. */
export function kernel(name: string, trace: (call: KernelCall) => Value | readonly Value[]): void {
  tf.registerKernel({
    kernelName: name,
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const values: Record<string, Value> = {};
      for (const [key, info] of Object.entries(inputs))
        if (info) values[key] = asSeen(backend.valueFor(info.dataId), info);
      const attributes: Readonly<Record<string, unknown>> = attrs ?? {};
      const { tracing: graph, target, precision } = backend;
      const operands = inPrecisionOf(name, precision, graph, values, attributes);
      const result = trace({ graph, target, inputs: operands, attributes });
      return Array.isArray(result) ? result.map((value: Value) => tensorInfo(value)) : tensorInfo(result as Value);
    },
  });
}
