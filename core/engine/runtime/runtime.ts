import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostOf } from '../host';
import type { Precision } from '../tracing/precision';

export { PRECISIONS, type Precision } from '../tracing/precision';

/** Execution providers of ONNX Runtime, and `tensorflow`: the same steps run eagerly on @tensorflow/tfjs-node-gpu. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml', 'tensorflow'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Whose graphs can be computed in float16. */
export const hasFloat16 = (provider: Provider): boolean => provider === 'cuda' || provider === 'webgpu';

/** Where a run computes, and how. */
export interface Device {
  readonly provider: Provider;
  /** CPU threads inside one operator. */
  readonly threads: number;
  /** Whether NVIDIA's libraries may use TF32 (./tf32); default: as the environment says. */
  readonly tf32?: boolean | undefined;
  /** What training steps compute in; default: float32. Everything else is computed in float32. */
  readonly precision?: Precision | undefined;
}

/**
 * One step of a computation, written with the tf.js API: a pure function of the state, which lives on the device, and
 * of a batch from main memory. It returns the parts of the state that it changes, and results to read.
 */
export type Step<State, Batch, Metrics> = (
  state: State,
  batch: Batch,
) => { readonly state?: PartialTree<State> | undefined; readonly metrics: Metrics };

/** The same tree with branches left out. */
export type PartialTree<T> = T extends Tensor ? T : { readonly [K in keyof T]?: PartialTree<T[K]> };

declare const tree: unique symbol;

/** Tensors that live on the runtime's device. Opaque: read them with `download`. */
export interface DeviceState<State> {
  readonly [tree]?: State;
  /** One branch, which shares the tensors of this state. */
  pick<K extends keyof State & string>(key: K): DeviceState<State[K]>;
}

/** A step prepared for a runtime; traced and compiled at the first run with each set of shapes. */
export interface Program<State, Batch, Metrics> {
  /**
   * Runs the step once: updates the state in place and returns the metrics. Must not be called again before it has
   * ended.
   */
  run(state: DeviceState<State>, batch: HostOf<Batch>): Promise<HostOf<Metrics>>;
  /**
   * Runs the step for the first of some batches, as `run` would one after another, but in one call: for as many as have the shapes of
   * the first if the runtime `holdsState`, else for one. If it fails, the state is as before.
   * @param batches one or more
   * @param isLast whether to end with the step that has these metrics; later batches then leave no trace
   * @returns the metrics of the steps that were run
   */
  runMany(
    state: DeviceState<State>,
    batches: readonly HostOf<Batch>[],
    isLast?: (metrics: HostOf<Metrics>) => boolean,
  ): Promise<HostOf<Metrics>[]>;
}

export interface Runtime {
  readonly provider: Provider;
  /** What the trainer's steps are computed in here (../ops/precision). */
  readonly precision: Precision;
  /**
   * Whether the state stays on the device only within a call of `runMany`, because each call takes it there and back: then one call of
   * many steps is faster than many calls.
   */
  readonly holdsState: boolean;
  upload<State>(state: HostOf<State>): DeviceState<State>;
  /** A state with other states as its branches; it shares their tensors. */
  combine<State extends object>(parts: {
    [K in keyof State]: DeviceState<State[K]>;
  }): DeviceState<State>;
  /** A copy of the state in main memory. */
  download<State>(state: DeviceState<State>): Promise<HostOf<State>>;
  /** @param name of the step, for error messages */
  compile<State, Batch, Metrics>(name: string, step: Step<State, Batch, Metrics>): Program<State, Batch, Metrics>;
  /**
   * Frees the memory of the compiled steps, as far as the states do not need it, so that these can be downloaded when memory has
   * run out. No program can be run afterwards.
   */
  freeSteps(): Promise<void>;
  dispose(): Promise<void>;
}
