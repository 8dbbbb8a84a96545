import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { DType, Tree } from '../host';
import { flatten, mapTree, sizeOf } from '../host';
import type { BodyOptions, Value } from '../onnx/graph';
import { GraphBuilder, TURNS } from '../onnx/graph';
import { BACKEND, backend, elementOf, type Target, TraceError, tensorInfo } from './backend';
import './kernels';

/** Type and shape of a tensor that has no values yet. */
export interface TensorSpec {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A tensor of the state; several may be parts of one buffer. */
export interface StateSpec extends TensorSpec {
  readonly part?: {
    readonly buffer: string;
    /** The first element, and how many elements the buffer has. */
    readonly offset: number;
    readonly of: number;
  };
}

/** What a step returns: the parts of the state that it changes (the rest may be left out), and results to read. */
export interface StepResult {
  readonly state?: Tree<Tensor> | undefined;
  readonly metrics: Tree<Tensor>;
}

export type AnyStep = (state: never, batch: never) => StepResult;

/** One leaf or buffer and the graph value that holds it. */
export interface Binding {
  /** The path of a leaf, or the name of a buffer. */
  readonly path: string;
  readonly name: string;
  readonly spec: TensorSpec;
  /** The shape of the value in the graph, with as many elements as that of `spec`. */
  readonly shape: readonly number[];
}

export interface Trace {
  readonly model: Uint8Array;
  /** Paths of the inputs (`state/params/…`, `batch/…`; `state/` and the name of a buffer) and their names in the graph. */
  readonly inputs: readonly Binding[];
  /** State leaves and buffers that the step changes. */
  readonly updates: readonly Binding[];
  readonly metrics: readonly Binding[];
  /** The tree of the metrics, with its path at each leaf. */
  readonly metricsTree: Tree<{ path: string }>;
}

export const isTensor = (value: unknown): value is Tensor => value instanceof tf.Tensor;
export const isSpec = (value: unknown): value is TensorSpec =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value;

export interface TraceOptions {
  /** Length of the blocks of element-wise functions (../ops/blockwise), in elements; 0 turns blocks off. */
  readonly blockSize: number;
  readonly target: Target;
  /** Whether the graph is run by `runInto` (../runtime/run-into). */
  readonly runsInto: boolean;
  /** As in `BuildOptions`. */
  readonly roundsFloat16?: boolean;
  /**
   * Whether one run of the graph does several steps: the tensors of the batch and the metrics then have one slice for each of them,
   * along a new first axis.
   */
  readonly repeats?: boolean;
}

/**
 * Runs a step once on symbolic tensors and returns the ONNX graph of what it did.
 * @throws TraceError that names the step, the operator, the shapes and the line of the step that called it
 */
export function trace(
  name: string,
  step: AnyStep,
  state: Tree<StateSpec>,
  batch: Tree<TensorSpec>,
  options: TraceOptions,
): Trace {
  const { runsInto, target, roundsFloat16 = false, repeats = false } = options;
  const body = { fewerNodes: FEWER_NODES[target], roundsFloat16 };
  if (repeats) {
    const whole = new GraphBuilder();
    const bindings = repeated(whole, traceGraph(name, step, state, batch, options, whole.body('s')), body);
    return { model: whole.build(name, { noTensorFirst: runsInto }), ...bindings };
  }
  const { graph, ...bindings } = traceGraph(name, step, state, batch, options);
  return { model: graph.build(name, { noTensorFirst: runsInto, ...body }), ...bindings };
}

/** A step as the body of a loop: what it changes is handed over from step to step, and stays on the device. */
function repeated(
  whole: GraphBuilder,
  { graph, inputs, updates, metrics, metricsTree }: TracedGraph,
  options: BodyOptions,
): Omit<Trace, 'model'> {
  const given = inputs.map(({ name, spec, ...rest }) => {
    const shape = name.startsWith(STATE) ? spec.shape : [TURNS, ...spec.shape];
    const value = whole.input(`all/${name}`, spec.dtype, shape);
    return { ...rest, spec, inner: name, value };
  });
  const ofState = given.filter(({ inner }) => inner.startsWith(STATE));
  const carried = updates.map(({ path }) => ofState.find(({ inner }) => inner === `${STATE}${path}`)!);
  const pair = ({ inner, value }: (typeof given)[number]) => [inner, value] as const;
  const results = whole.repeat(
    graph,
    {
      carried: carried.map(pair),
      slices: given.filter((input) => !ofState.includes(input)).map(pair),
      held: ofState.filter((input) => !carried.includes(input)).map(pair),
    },
    options,
  );
  const bind = (bindings: readonly Binding[], values: readonly Value[]) =>
    bindings.map(({ path, spec, shape }, index) => ({ path, spec, shape, name: whole.output(values[index]!).name }));
  return {
    inputs: given.map(({ path, spec, value }) => ({ path, spec, name: value.name, shape: value.shape })),
    updates: bind(updates, results),
    metrics: bind(metrics, results.slice(updates.length)),
    metricsTree,
  };
}

const STATE = 'state/';

/** A step that was traced, before its graph is encoded. */
export type TracedGraph = Omit<Trace, 'model'> & { readonly graph: GraphBuilder };

/** As `trace`. @param graph that it becomes part of, if it is the body of another */
export function traceGraph(
  name: string,
  step: AnyStep,
  state: Tree<StateSpec>,
  batch: Tree<TensorSpec>,
  options: Pick<TraceOptions, 'blockSize' | 'target' | 'repeats'>,
  graph = new GraphBuilder(),
): TracedGraph {
  const previous = tf.getBackend();
  // Synchronous for this backend; the promise is for backends that load something.
  void tf.setBackend(BACKEND);
  backend.begin(graph, options.blockSize, options.target);
  const restore = watchKernels();
  // The user's line may be below dozens of frames of tf.js and of operators that call others.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_FRAMES;
  try {
    let traced: TracedGraph | undefined;
    tf.tidy(() => {
      traced = traceInto(graph, step, state, batch, options.repeats ?? false);
    });
    return traced!;
  } catch (error) {
    throw explain(error, name);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    restore();
    backend.end();
    if (previous && previous !== BACKEND) void tf.setBackend(previous);
  }
}

function traceInto(
  graph: GraphBuilder,
  step: AnyStep,
  state: Tree<StateSpec>,
  batch: Tree<TensorSpec>,
  repeats: boolean,
): TracedGraph {
  const inputs: Binding[] = [];
  const input = (name: string, spec: TensorSpec): Value => {
    const value = graph.input(name, spec.dtype, spec.shape);
    inputs.push({ path: name, name, spec, shape: spec.shape });
    return value;
  };
  const tensorOf = (value: Value) => tf.engine().makeTensorFromTensorInfo(tensorInfo(value));
  const buffers = new Map<string, Buffer>();
  const stateTensors = mapTree<StateSpec, Tensor>(state, isSpec, (spec, path) => {
    if (!spec.part) return tensorOf(input(`${STATE}${path}`, spec));
    const { buffer, offset, of } = spec.part;
    const whole = buffers.get(buffer) ?? {
      value: input(`${STATE}${buffer}`, { dtype: spec.dtype, shape: [of] }),
      parts: new Map(),
    };
    buffers.set(buffer, whole);
    whole.parts.set(path, { offset, shape: spec.shape });
    return tensorOf(graph.part(whole.value, offset, spec.shape));
  });
  const batchTensors = mapTree(batch, isSpec, (spec, path) => tensorOf(input(`batch/${path}`, spec)));
  const result = step(stateTensors as never, batchTensors as never);

  const before = new Map(flatten(stateTensors, isTensor));
  const valueOf = (tensor: Tensor): Value => {
    const value = { ...backend.valueFor(tensor.dataId), shape: tensor.shape };
    return value.element === 'float16' ? graph.cast(value, 'float32') : value;
  };
  const bind = (path: string, tensor: Tensor, value = valueOf(tensor)): Binding => {
    const { name, shape } = graph.output(value);
    return { path, name, spec: { dtype: elementOf(tensor.dtype), shape: tensor.shape }, shape };
  };
  checkState(before, result.state ?? {});
  const updates: Binding[] = [];
  const changed = new Map<string, Value>();
  for (const [path, tensor] of flatten<Tensor>(result.state ?? {}, isTensor)) {
    const old = before.get(path)!;
    const value = valueOf(tensor);
    if (valueOf(old).name !== value.name) changed.set(path, value);
  }
  for (const [path, value] of changed)
    // A result computed in blocks is written straight to the state, without a copy that only changes its shape. Of a loop, the state has
    // the same shape in all turns.
    if (!isPart(path, buffers))
      updates.push(bind(path, before.get(path)!, repeats ? value : graph.beforeReshape(value)));
  for (const [name, buffer] of buffers) {
    const next = updatedBuffer(graph, buffer, changed);
    if (!next) continue;
    const { name: output, shape } = graph.output(next);
    updates.push({ path: name, name: output, spec: { dtype: elementOf(next.element), shape }, shape });
  }
  const metrics = flatten<Tensor>(result.metrics, isTensor).map(([path, tensor]) => bind(path, tensor));
  const metricsTree = mapTree(result.metrics, isTensor, (_, path) => ({ path }));
  return { graph, inputs, updates, metrics, metricsTree };
}

/** Every WebGPU device lets a shader use eight buffers; one of them is read. */
const FEWER_NODES = { cpu: undefined, cuda: { splitInto: Infinity }, webgpu: { splitInto: 7 } } as const;

/** A buffer of the state, and the leaves that are parts of it, by their paths. */
interface Buffer {
  readonly value: Value;
  readonly parts: Map<string, { readonly offset: number; readonly shape: readonly number[] }>;
}

const isPart = (path: string, buffers: ReadonlyMap<string, Buffer>): boolean =>
  [...buffers.values()].some(({ parts }) => parts.has(path));

/** The whole buffer with the leaves that have changed; undefined if none has. */
function updatedBuffer(
  graph: GraphBuilder,
  { value, parts }: Buffer,
  changed: ReadonlyMap<string, Value>,
): Value | undefined {
  const sorted = [...parts].sort(([, a], [, b]) => a.offset - b.offset);
  if (!sorted.some(([path]) => changed.has(path))) return undefined;
  const pieces: Value[] = [];
  let end = 0;
  const keep = (to: number) => {
    if (to > end) pieces.push(graph.part(value, end, [to - end]));
  };
  for (const [path, { offset, shape }] of sorted) {
    keep(offset);
    pieces.push(changed.get(path) ?? graph.part(value, offset, shape));
    end = offset + sizeOf(shape);
  }
  keep(value.shape[0]!);
  return graph.join(pieces);
}

/** @throws TraceError if a step returns state that it was not given, or with another shape or type */
export function checkState(before: ReadonlyMap<string, Tensor>, after: Tree<Tensor>): void {
  const typeOf = ({ dtype, shape }: Tensor) => `${dtype} [${shape.join(', ')}]`;
  for (const [path, tensor] of flatten(after, isTensor)) {
    const old = before.get(path);
    if (!old) throw new TraceError(`it returns state '${path}', which it was not given`);
    if (typeOf(old) !== typeOf(tensor))
      throw new TraceError(`it changes state '${path}' from ${typeOf(old)} to ${typeOf(tensor)}`);
  }
}

const STACK_FRAMES = 100;

const shapeText = (inputs: Record<string, tf.TensorInfo | undefined>): string =>
  Object.entries(inputs)
    .map(([key, info]) => `${key}: ${info ? `${info.dtype} [${info.shape.join(', ')}]` : 'none'}`)
    .join(', ');

/** Makes errors in kernels name the operator and its shapes; returns a function that undoes this. */
function watchKernels(): () => void {
  const engine = tf.engine();
  const original = engine.runKernel.bind(engine);
  engine.runKernel = (kernelName, inputs, attributes) => {
    // The type says it always exists, but it is looked up by name.
    if ((tf.getKernel(kernelName, BACKEND) as tf.KernelConfig | undefined) === undefined)
      throw new TraceError(
        `operator '${kernelName}' (${shapeText(inputs)}) has no ONNX kernel in this version of Winnow`,
      );
    try {
      return original(kernelName, inputs, attributes);
    } catch (error) {
      if (error instanceof TraceError && error.message.startsWith('operator ')) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new TraceError(`operator '${kernelName}' (${shapeText(inputs)}): ${reason}`, { cause: error });
    }
  };
  return () => {
    engine.runKernel = original;
  };
}

// Frames of the engine and of libraries do not show the user's mistake.
const FOREIGN_FRAME = /node_modules|tfjs-core|node:internal|core[\\/]engine[\\/](?!linalg)/;

/** The error, with the step's name before it and the line of the step that caused it after it. */
function explain(error: unknown, step: string): TraceError {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const frame = stack.split('\n').find((line) => /^\s+at /.test(line) && !FOREIGN_FRAME.test(line));
  const where = frame ? `\n    ${frame.trim()}` : '';
  return new TraceError(`step '${step}': ${message}${where}`, { cause: error });
}
