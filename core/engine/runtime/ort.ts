import * as l10n from '@vscode/l10n';
import { util } from '@tensorflow/tfjs-core';
import type * as ort from 'onnxruntime-node';
import { messageOf, UserError } from '../../errors';
import type { DataOf, DType, HostOf, HostTensor, HostTree, Tree } from '../host';
import { emptyOf, flatten, host, isDType, isHostTensor, mapTree, sizeOf } from '../host';
import type { Target } from '../tracing/backend';
import type { AnyStep, StateSpec, TensorSpec, Trace, TraceOptions } from '../tracing/trace';
import { trace } from '../tracing/trace';
import type { DeviceState, Precision, Program, Provider, Runtime, Step } from './runtime';
import { identityStep } from './identity';
import { onnxRuntime, useLibraryOf } from './library';
import { explained, failureOf } from './failure';
import { sentence } from './ort-message';
import { packsOf } from './packs';
import { runInto } from './run-into';
import { alike, sliceOf, specsOfBatch, stacked } from '../turns';

/** A buffer of the state, and a spare one that the next step may write into. */
class Cell {
  spare: ort.Tensor | undefined;
  constructor(
    readonly spec: TensorSpec,
    public current: ort.Tensor,
  ) {}
}

/** A tensor of the state: a buffer, or a part of one that it shares with others. */
class Leaf {
  constructor(
    readonly spec: TensorSpec,
    readonly cell: Cell,
    /** Of the first element, if the buffer is shared. */
    readonly offset?: number,
  ) {}
}

const isLeaf = (value: unknown): value is Leaf => value instanceof Leaf;

class OrtState<State> implements DeviceState<State> {
  constructor(readonly leaves: Tree<Leaf>) {}

  pick<K extends keyof State & string>(key: K): DeviceState<State[K]> {
    const branch = (this.leaves as Record<string, Tree<Leaf>>)[key];
    if (branch === undefined) throw new RangeError(`the state has no branch '${key}'`);
    return new OrtState<State[K]>(branch);
  }
}

const leavesOf = (state: DeviceState<unknown>): Tree<Leaf> => {
  if (state instanceof OrtState) return state.leaves;
  throw new TypeError('this state belongs to another runtime');
};

/** The buffers of a state that tensors share, by names that depend on the state's structure alone. */
function namedBuffers(leaves: readonly (readonly [string, Leaf])[]): Map<Cell, string> {
  const names = new Map<Cell, string>();
  for (const [, { cell, offset }] of leaves)
    if (offset !== undefined && !names.has(cell)) names.set(cell, `buffer ${names.size}`);
  return names;
}

/** The buffers of a state, by the path of the leaf that has it to itself, or by the name of a shared one. */
function cellsOf(tree: Tree<Leaf>): Map<string, Cell> {
  const leaves = flatten(tree, isLeaf);
  const names = namedBuffers(leaves);
  return new Map(leaves.map(([path, { cell }]) => [names.get(cell) ?? path, cell]));
}

function specsOf(tree: Tree<Leaf>): Tree<StateSpec> {
  const names = namedBuffers(flatten(tree, isLeaf));
  return mapTree(tree, isLeaf, ({ spec, cell, offset }): StateSpec => {
    if (offset === undefined) return spec;
    return { ...spec, part: { buffer: names.get(cell)!, offset, of: cell.spec.shape[0]! } };
  });
}

const toOrt = ({ dtype, shape, data }: HostTensor): ort.Tensor =>
  // The overloads of ort.Tensor do not accept a union; by HostTensor's type, the dtype and the array agree.
  new (onnxRuntime().Tensor)(dtype as 'float32', data as Float32Array, shape);

const allocate = ({ dtype, shape }: TensorSpec): ort.Tensor => toOrt(emptyOf(dtype, shape));

/** The same memory under another shape. */
const inShape = (tensor: ort.Tensor, shape: readonly number[]): ort.Tensor =>
  util.arraysEqual([...tensor.dims], [...shape]) ? tensor : tensor.reshape(shape);

function fromOrt(tensor: ort.Tensor): HostTensor {
  if (!isDType(tensor.type)) throw new TypeError(`a step returned a tensor of type ${tensor.type}`);
  return host(tensor.type, tensor.dims, tensor.data as DataOf[DType]);
}

/**
 * Elements per block and thread: a handful of such tensors fit in a core's L2 cache, and they are enough work to be
 * worth sharing among threads. (On two threads, 16 384 made a step of MiniLM slower than no blocks, 49 152 to 131 072
 * made it a tenth faster; on one thread, all were alike.)
 */
const BLOCK_OF_A_THREAD = 65_536;

export interface OrtOptions {
  readonly provider: Exclude<Provider, 'tensorflow'>;
  /** What graphs are made for; default: what suits the provider. A GPU's graphs can be tested on a CPU. */
  readonly target?: Target;
  /** As in `Runtime`; default: for graphs that are made for CUDA. */
  readonly holdsState?: boolean;
  /** Threads inside one operator (CPU). */
  readonly threads: number;
  /** As in `Device`. */
  readonly tf32?: boolean | undefined;
  readonly precision?: Precision | undefined;
  /** Length of the blocks of element-wise functions (../ops/blockwise), in elements; default: what suits the caches. */
  readonly blockSize?: number;
  /** A prefix for profile files; a profiled session writes one when the runtime is disposed. */
  readonly profile?: string | undefined;
}

const TARGETS: Readonly<Partial<Record<Provider, Target>>> = { cuda: 'cuda', webgpu: 'webgpu' };

/** How steps are traced for a device. */
export const traceOptionsOf = ({
  provider,
  threads,
  blockSize = BLOCK_OF_A_THREAD * threads,
  target = TARGETS[provider] ?? 'cpu',
}: Pick<OrtOptions, 'provider' | 'threads' | 'blockSize' | 'target'>): Pick<TraceOptions, 'blockSize' | 'target'> => ({
  target,
  // Blocks are for the caches of CPU cores; a GPU hides memory latency in other ways.
  blockSize: provider === 'cpu' && target === 'cpu' ? blockSize : 0,
});

interface Compiled {
  readonly session: ort.InferenceSession;
  readonly trace: Trace;
  /** Whether one run does several steps: see `TraceOptions`. */
  readonly repeats: boolean;
}

/** A step prepared for a state and a batch. */
type Prepare = (leaves: Tree<Leaf>, batch: HostTree, repeats: boolean) => Promise<Compiled>;

/** Steps are traced once and compiled by ONNX Runtime; the state stays on the device between runs. */
export class OrtRuntime implements Runtime {
  readonly provider: Exclude<Provider, 'tensorflow'>;
  readonly precision: Precision;
  readonly #sessions: ort.InferenceSession[] = [];
  /** States on the device, whose memory is not garbage-collected. */
  readonly #uploaded: Cell[] = [];
  /** Graphs that copy buffers off the device, by their shapes. */
  readonly #copies = new Map<string, Compiled>();

  readonly #options: OrtOptions;

  constructor(options: OrtOptions) {
    this.#options = options;
    this.provider = options.provider;
    this.precision = options.precision ?? 'float32';
    useLibraryOf(options);
  }

  /** WebGPU is the only provider whose tensors onnxruntime-node can keep on the device between runs. */
  get #keepsOnDevice(): boolean {
    return this.provider === 'webgpu';
  }

  get #target(): Target {
    return this.#options.target ?? TARGETS[this.provider] ?? 'cpu';
  }

  get holdsState(): boolean {
    return this.#options.holdsState ?? this.#target === 'cuda';
  }

  get #traceOptions(): TraceOptions {
    const roundsFloat16 = this.provider === 'cpu';
    return { ...traceOptionsOf(this.#options), runsInto: !this.#keepsOnDevice, roundsFloat16 };
  }

  upload<State>(state: HostOf<State>): DeviceState<State> {
    const tree = state as HostTree;
    const cells: Cell[] = [];
    const cellOf = (dtype: DType, shape: readonly number[], data: DataOf[DType]): Cell => {
      const cell = new Cell({ dtype, shape }, toOrt({ dtype, shape, data }));
      cells.push(cell);
      return cell;
    };
    const shared = new Map<string, Leaf>();
    for (const pack of this.#target === 'cpu' ? [] : packsOf(tree)) {
      const joined = new Float32Array(pack.reduce((sum, [, { data }]) => sum + data.length, 0));
      const cell = cellOf('float32', [joined.length], joined);
      let offset = 0;
      for (const [path, { dtype, shape, data }] of pack) {
        joined.set(data, offset);
        shared.set(path, new Leaf({ dtype, shape }, cell, offset));
        offset += data.length;
      }
    }
    const leaves = mapTree(tree, isHostTensor, (tensor, path) => {
      const { dtype, shape, data } = tensor;
      // A copy, because the step will write into it.
      return shared.get(path) ?? new Leaf({ dtype, shape }, cellOf(dtype, shape, data.slice()));
    });
    if (this.#keepsOnDevice) this.#uploaded.push(...cells);
    return new OrtState<State>(leaves);
  }

  combine<State extends object>(parts: { [K in keyof State]: DeviceState<State[K]> }) {
    const entries = Object.entries<DeviceState<unknown>>(parts);
    return new OrtState<State>(Object.fromEntries(entries.map(([key, state]) => [key, leavesOf(state)])));
  }

  async download<State>(state: DeviceState<State>): Promise<HostOf<State>> {
    const leaves = leavesOf(state);
    const buffers = await this.#read(new Set(flatten(leaves, isLeaf).map(([, { cell }]) => cell)));
    return mapTree(leaves, isLeaf, ({ spec: { dtype, shape }, cell, offset = 0 }) => {
      const { data } = buffers.get(cell)!;
      return host(dtype, shape, data.slice(offset, offset + sizeOf(shape)));
    }) as HostOf<State>;
  }

  /** What is in buffers. The memory may be theirs. */
  async #read(cells: ReadonlySet<Cell>): Promise<Map<Cell, HostTensor>> {
    const list = [...cells];
    if (!list.some(({ current }) => current.location === 'gpu-buffer'))
      return new Map(list.map((cell) => [cell, fromOrt(cell.current)]));
    // In onnxruntime-node 1.30, `getData()` of a WebGPU tensor ends the process: read it through a graph that copies it.
    const whole = list.map((cell) => new Leaf(cell.spec, cell));
    const specs = list.map(({ spec }) => spec);
    const signature = JSON.stringify(specs);
    const copy = this.#copies.get(signature) ?? (await this.#compile('download', identityStep, specs, {}, false));
    this.#copies.set(signature, copy);
    const [read = []] = (await this.#run(copy, whole, [{}])) as readonly (readonly HostTensor[])[];
    return new Map(list.map((cell, index) => [cell, read[index]!]));
  }

  compile<State, Batch, Metrics>(name: string, step: Step<State, Batch, Metrics>): Program<State, Batch, Metrics> {
    const compiled = new Map<string, Promise<Compiled>>();
    const prepare: Prepare = (leaves, batch, repeats) => {
      const specs = specsOf(leaves);
      const batchSpecs = specsOfBatch(batch);
      const signature = JSON.stringify([specs, batchSpecs, repeats]);
      let ready = compiled.get(signature);
      if (!ready) {
        ready = this.#compile(name, step as unknown as AnyStep, specs, batchSpecs, repeats);
        compiled.set(signature, ready);
      }
      return ready;
    };
    const run: Program<State, Batch, Metrics>['run'] = async (state, batch) => {
      const leaves = leavesOf(state);
      const given = batch as HostTree;
      const [metrics] = await this.#run(await prepare(leaves, given, false), leaves, [given]);
      return metrics as HostOf<Metrics>;
    };
    return {
      run,
      runMany: async (state, batches, isLast) => {
        // The number of steps is that of the slices of a batch, so there must be one.
        const isEmpty = flatten(batches[0] as HostTree, isHostTensor).length === 0;
        if (!this.holdsState || isEmpty) return [await run(state, batches[0]!)];
        const leaves = leavesOf(state);
        const group = alike(batches);
        const ready = await prepare(leaves, group[0]!, true);
        const metrics = await this.#run(ready, leaves, group, isLast as ((metrics: HostTree) => boolean) | undefined);
        return metrics as HostOf<Metrics>[];
      },
    };
  }

  async #compile(
    name: string,
    step: AnyStep,
    state: Tree<StateSpec>,
    batch: Tree<TensorSpec>,
    repeats: boolean,
  ): Promise<Compiled> {
    const traced = trace(name, step, state, batch, { ...this.#traceOptions, repeats });
    const session = await this.#createSession(traced);
    this.#sessions.push(session);
    return { session, trace: traced, repeats };
  }

  async #createSession({ model, updates, metrics }: Trace): Promise<ort.InferenceSession> {
    const { threads, profile } = this.#options;
    const locations = this.#keepsOnDevice
      ? Object.fromEntries([
          ...updates.map(({ name }) => [name, 'gpu-buffer'] as const),
          ...metrics.map(({ name }) => [name, 'cpu'] as const),
        ])
      : undefined;
    try {
      return await onnxRuntime().InferenceSession.create(model, {
        executionProviders: [this.provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // By then, the first run has filled the arena; a block planned for later runs would take additional memory.
        enableMemPattern: false,
        // Adam's second moments of rare tokens decay to denormals, which CPUs compute in slow microcode.
        extra: { session: { set_denormal_as_zero: '1' } },
        ...(locations ? { preferredOutputLocation: locations } : {}),
        ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
      });
    } catch (error) {
      if (this.provider === 'cpu' || failureOf(error)) throw explained(error, this.provider);
      throw new UserError(
        'device.unavailable',
        l10n.t`The device '${this.provider}' cannot be used on this machine: ${sentence(messageOf(error))}`,
        l10n.t("Run 'winnow devices' to see what works here, or choose device.provider 'cpu'."),
        { cause: error },
      );
    }
  }

  /** Runs one step, or several if it was compiled so; returns their metrics, as `runMany`. */
  async #run(
    compiled: Compiled,
    leaves: Tree<Leaf>,
    batches: readonly HostTree[],
    isLast: (metrics: HostTree) => boolean = () => false,
  ): Promise<HostTree[]> {
    try {
      for (let count = batches.length; ;) {
        const { metrics, keep, discard } = await this.#compute(compiled, leaves, batches.slice(0, count));
        const end = metrics.findIndex(isLast) + 1;
        if (end === 0 || end === count) {
          keep();
          return metrics;
        }
        // The state is still that from before: the same steps once more, without those that come too late.
        discard();
        count = end;
      }
    } catch (error) {
      throw explained(error, this.provider);
    }
  }

  /** Computes the next state beside the current one, which it replaces with `keep`. */
  async #compute({ session, trace: traced, repeats }: Compiled, leaves: Tree<Leaf>, batches: readonly HostTree[]) {
    const cells = cellsOf(leaves);
    const feeds: Record<string, ort.Tensor> = {};
    const given = batches.map((batch) => new Map(flatten(batch, isHostTensor)));
    const used = new Set(session.inputNames);
    for (const { path, name } of traced.inputs) {
      if (!used.has(name)) continue;
      const slash = path.indexOf('/');
      const key = path.slice(slash + 1);
      if (path.startsWith('state/')) feeds[name] = cells.get(key)!.current;
      else feeds[name] = toOrt(repeats ? stacked(given.map((batch) => batch.get(key)!)) : given[0]!.get(key)!);
    }
    const outputs = this.#keepsOnDevice
      ? await session.run(feeds)
      : await this.#runIntoBuffers(session, traced, { cells, feeds, turns: repeats ? batches.length : undefined });
    const values = new Map(traced.metrics.map(({ path, name }) => [path, fromOrt(outputs[name]!)]));
    const isPath = (value: unknown): value is { path: string } =>
      typeof value === 'object' && value !== null && 'path' in value && typeof value.path === 'string';
    const metrics = batches.map((_, turn) =>
      mapTree(traced.metricsTree, isPath, ({ path }) =>
        repeats ? sliceOf(values.get(path)!, turn) : values.get(path)!,
      ),
    );
    return {
      metrics,
      keep: () => {
        for (const { path, name } of traced.updates) {
          const target = cells.get(path)!;
          const old = target.current;
          target.current = inShape(outputs[name]!, target.spec.shape);
          if (this.#keepsOnDevice) old.dispose();
          else target.spare = old;
        }
      },
      discard: () => {
        if (this.#keepsOnDevice) for (const { name } of traced.updates) outputs[name]!.dispose();
      },
    };
  }

  /** Double buffering: a step reads one set of buffers and writes the other. (WebGPU allocates its own.) */
  async #runIntoBuffers(
    session: ort.InferenceSession,
    { updates, metrics }: Trace,
    {
      cells,
      feeds,
      turns,
    }: { cells: ReadonlyMap<string, Cell>; feeds: Record<string, ort.Tensor>; turns: number | undefined },
  ): Promise<Record<string, ort.Tensor>> {
    const outputs: Record<string, ort.Tensor> = {};
    for (const { path, name, shape } of updates) {
      const target = cells.get(path)!;
      outputs[name] = inShape((target.spare ??= allocate(target.spec)), shape);
    }
    for (const { name, spec } of metrics)
      outputs[name] = allocate(turns === undefined ? spec : { ...spec, shape: [turns, ...spec.shape] });
    await runInto(session, feeds, outputs);
    return outputs;
  }

  async freeSteps(): Promise<void> {
    // On WebGPU, the device and the state on it go with the last session.
    if (this.#keepsOnDevice) return;
    this.#copies.clear();
    for (const session of this.#sessions.splice(0)) await session.release();
  }

  async dispose(): Promise<void> {
    for (const { current } of this.#uploaded.splice(0)) current.dispose();
    this.#copies.clear();
    for (const session of this.#sessions.splice(0)) {
      if (this.#options.profile !== undefined) session.endProfiling();
      await session.release();
    }
  }
}
