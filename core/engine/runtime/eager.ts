import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { messageOf } from '../../errors';
import type { DType, HostOf, HostTensor, HostTree, TensorTree, Tree } from '../host';
import { flatten, host, isDType, isHostTensor, mapTree } from '../host';
import { TraceError } from '../tracing/backend';
import { checkState, isTensor } from '../tracing/trace';
import { explained } from './failure';
import type { DeviceState, Program, Provider, Runtime, Step } from './runtime';

class Cell {
  constructor(public tensor: Tensor) {}
}

const isCell = (value: unknown): value is Cell => value instanceof Cell;

class EagerState<State> implements DeviceState<State> {
  constructor(readonly cells: Tree<Cell>) {}

  pick<K extends keyof State & string>(key: K): DeviceState<State[K]> {
    const branch = (this.cells as Record<string, Tree<Cell>>)[key];
    if (branch === undefined) throw new RangeError(`the state has no branch '${key}'`);
    return new EagerState<State[K]>(branch);
  }
}

const cellsOf = (state: DeviceState<unknown>): Tree<Cell> => {
  if (state instanceof EagerState) return state.cells;
  throw new TypeError('this state belongs to another runtime');
};

const toTensor = ({ dtype, shape, data }: HostTensor): Tensor => tf.tensor(data.slice(), [...shape], dtype);

async function toHost(tensor: Tensor): Promise<HostTensor> {
  if (!isDType(tensor.dtype)) throw new TypeError(`a step returned a tensor of type ${tensor.dtype}`);
  // Some backends return their own memory.
  return host(tensor.dtype, tensor.shape, (await tensor.data<DType>()).slice());
}

/** tf.tidy for a function that keeps its results itself. */
function tidy<T>(body: () => T): T {
  const results: T[] = [];
  tf.tidy(() => {
    results.push(body());
  });
  return results[0]!;
}

function checked(name: string, before: ReadonlyMap<string, Tensor>, after: Tree<Tensor>): void {
  try {
    checkState(before, after);
  } catch (error) {
    throw new TraceError(`step '${name}': ${messageOf(error)}`, { cause: error });
  }
}

/** Whether TensorFlow has found a GPU, once it is loaded: tfjs-node tells. */
export function tensorFlowUsesGpu(): boolean {
  const backend: object = tf.backend();
  return 'isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true;
}

/** Steps run operator by operator on an ordinary tf.js backend (`tensorflow`, `cpu`, `wasm`). */
export class EagerRuntime implements Runtime {
  readonly precision = 'float32';
  readonly holdsState = false;
  readonly #cells: Cell[] = [];

  readonly #backendName: string;

  /** @param backendName a registered tf.js backend */
  constructor(
    readonly provider: Provider,
    backendName: string,
  ) {
    this.#backendName = backendName;
  }

  async #use(): Promise<void> {
    if (tf.getBackend() !== this.#backendName && !(await tf.setBackend(this.#backendName)))
      throw new Error(`the tf.js backend '${this.#backendName}' could not be initialized`);
    await tf.ready();
  }

  upload<State>(state: HostOf<State>): DeviceState<State> {
    const previous = tf.getBackend();
    void tf.setBackend(this.#backendName);
    const cells = mapTree<HostTensor, Cell>(state, isHostTensor, (tensor) => new Cell(toTensor(tensor)));
    this.#cells.push(...flatten(cells, isCell).map(([, cell]) => cell));
    if (previous) void tf.setBackend(previous);
    return new EagerState<State>(cells);
  }

  combine<State extends object>(parts: { [K in keyof State]: DeviceState<State[K]> }) {
    const entries = Object.entries<DeviceState<unknown>>(parts);
    return new EagerState<State>(Object.fromEntries(entries.map(([key, state]) => [key, cellsOf(state)])));
  }

  async download<State>(state: DeviceState<State>): Promise<HostOf<State>> {
    await this.#use();
    const cells = flatten(cellsOf(state), isCell);
    const values = new Map<string, HostTensor>();
    for (const [path, { tensor }] of cells) values.set(path, await toHost(tensor));
    return mapTree(cellsOf(state), isCell, (_, path) => values.get(path)!) as HostOf<State>;
  }

  compile<State, Batch, Metrics>(name: string, step: Step<State, Batch, Metrics>): Program<State, Batch, Metrics> {
    const program: Pick<Program<State, Batch, Metrics>, 'run'> = {
      run: async (state, batch) => {
        await this.#use();
        const cells = cellsOf(state);
        const byPath = new Map(flatten(cells, isCell));
        const { next, metrics } = this.#explaining(() =>
          tidy(() => {
            const current = mapTree(cells, isCell, ({ tensor }) => tensor);
            const given = mapTree(batch as HostTree, isHostTensor, toTensor);
            const result = step(current as State, given as Batch);
            const after: Tree<Tensor> = result.state === undefined ? {} : (result.state as TensorTree);
            checked(name, new Map(flatten<Tensor>(current, isTensor)), after);
            // A separate handle for each result: the same tensor may be in several places, and in the old state.
            const own = (tensor: Tensor) => tf.keep(tf.clone(tensor));
            return {
              next: flatten(after, isTensor).map(([path, tensor]): [string, Tensor] => [path, own(tensor)]),
              metrics: mapTree(result.metrics as TensorTree, isTensor, own),
            };
          }),
        );
        for (const [path, tensor] of next) {
          const cell = byPath.get(path)!;
          cell.tensor.dispose();
          cell.tensor = tensor;
        }
        const values = new Map<string, HostTensor>();
        for (const [path, tensor] of flatten(metrics, isTensor)) {
          values.set(path, await toHost(tensor));
          tensor.dispose();
        }
        return mapTree(metrics, isTensor, (_, path) => values.get(path)!) as HostOf<Metrics>;
      },
    };
    return { ...program, runMany: async (state, [first]) => [await program.run(state, first!)] };
  }

  #explaining<T>(compute: () => T): T {
    try {
      return compute();
    } catch (error) {
      throw explained(error, this.provider);
    }
  }

  /** Nothing is compiled. */
  freeSteps(): Promise<void> {
    return Promise.resolve();
  }

  /** Frees the states: GPU memory is not garbage-collected. */
  dispose(): Promise<void> {
    for (const cell of this.#cells.splice(0)) cell.tensor.dispose();
    return Promise.resolve();
  }
}
