import type { Tensor } from '@tensorflow/tfjs-core';
import { deviceMemory } from '../engine/devices/memory';
import type { HostOf, HostTensor } from '../engine/host';
import { flatten, isHostTensor, item, mapValues, scalar, zeros, type HostTree } from '../engine/host';
import { FIRST_LOSS_SCALE, nextLossScale, type LossScale } from '../engine/loss-scale';
import type { Moments, Named, Schedule } from '../engine/optimizer';
import { adamWScalars, cosineSchedule, zeroMoments } from '../engine/optimizer';
import { failureOf, OUT_OF_MEMORY } from '../engine/runtime/failure';
import type { DeviceState, Program, Runtime } from '../engine/runtime/runtime';
import { CallSize } from './call-size';
import type {
  ApplyBatch,
  MicroBatch,
  StepMetricTensors,
  StepOptions,
  StepScalars,
  TrainingSteps,
  TrainState,
  WholeBatch,
} from './steps';
import { trainingSteps } from './steps';

export interface TrainerOptions<Batch> extends Omit<StepOptions<Batch>, 'precision'> {
  readonly parameters: Named<HostTensor>;
  readonly frozen?: Named<HostTensor>;
  readonly schedule: Schedule;
  /** Steps in a call where the runtime holds the state only so long; default: what turns out to be fast (`CallSize`). */
  readonly stepsPerCall?: number;
  /** Continues from a `snapshot`. */
  readonly from?: Pick<Snapshot, 'moments' | 'step'> & Partial<Pick<Snapshot, 'average' | 'lossScale'>>;
}

/** Everything that training needs to continue with the same bits. */
export interface Snapshot {
  readonly parameters: Named<HostTensor>;
  readonly moments: Moments<HostTensor>;
  /** The moving average of the parameters; undefined if there is none. */
  readonly average: Named<HostTensor> | undefined;
  /** In float16; otherwise undefined. */
  readonly lossScale: LossScale | undefined;
  /** Number of completed steps. */
  readonly step: number;
}

export interface StepMetrics {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** The factor of the loss in this step, in float16. */
  readonly lossScale?: number;
}

/** The result of a step. */
export interface StepResult {
  readonly metrics: StepMetrics;
  /** A gradient overflowed in float16: nothing was changed but the factor of the loss, which is now this. */
  readonly skipped?: { readonly lossScale: number };
  /** The signals of the loss function, one record per micro-batch; empty records if it has none. */
  readonly signals: readonly Named<HostTensor>[];
}

/** What a step is given. */
export interface StepInput<Batch> {
  /** One or more micro-batches of equal weight. */
  readonly batches: readonly HostOf<Batch>[];
  /** Position on the learning rate schedule, in steps from 1; default: the number of the step. */
  readonly position?: number | undefined;
}

/** The compiled steps of one variant of the loss. */
interface Programs<Batch> {
  readonly whole: Program<TrainState, WholeBatch<Batch>, StepMetricTensors>;
  readonly accumulate: Program<TrainState, MicroBatch<Batch>, { loss: Tensor; signals: Named<Tensor> }>;
}

/**
 * Minimizes a loss with AdamW. Knows nothing of data, logging or files: its caller passes batches and saves snapshots.
 * With one micro-batch, a step is one graph; several are summed by one graph and applied by another. The runtime says in what precision
 * they are computed.
 */
export class Trainer<Batch> {
  readonly #state: DeviceState<TrainState>;
  readonly #programs = new Map<number, Programs<Batch>>();
  readonly #steps: TrainingSteps<Batch>;
  readonly #apply: Program<TrainState, ApplyBatch, { gradientNorm: Tensor }>;
  #sums: DeviceState<TrainState> | undefined;
  #step: number;
  #lossScale: LossScale | undefined;
  /** Of the steps of one micro-batch, or of the micro-batches of others; undefined before the first call. */
  #callSize: CallSize | undefined;

  readonly #runtime: Runtime;
  readonly #options: TrainerOptions<Batch>;

  constructor(runtime: Runtime, options: TrainerOptions<Batch>) {
    this.#runtime = runtime;
    this.#options = options;
    const { parameters, frozen = {}, from, averageDecay = 0 } = options;
    this.#step = from?.step ?? 0;
    if (options.stepsPerCall !== undefined)
      this.#callSize = new CallSize(options.stepsPerCall, runtime.holdsState ? options.stepsPerCall : 1);
    if (runtime.precision === 'float16') this.#lossScale = from?.lossScale ?? FIRST_LOSS_SCALE;
    const moments = from?.moments ?? zeroMoments(parameters);
    const average = averageDecay > 0 ? (from?.average ?? parameters) : {};
    this.#state = runtime.upload<TrainState>({ parameters, moments, frozen, average, sums: {} });
    this.#steps = trainingSteps({ ...options, precision: runtime.precision });
    this.#apply = runtime.compile('optimizer step', this.#steps.apply);
  }

  /** Number of completed steps. */
  get step(): number {
    return this.#step;
  }

  /** The trained parameters, on the device. */
  get parameters(): DeviceState<Named<Tensor>> {
    return this.#state.pick('parameters');
  }

  /** The parameters that are evaluated between steps: their moving average if there is one. */
  get evaluated(): DeviceState<Named<Tensor>> {
    return this.#state.pick(this.#averages ? 'average' : 'parameters');
  }

  /** The tensors that take part without being trained. */
  get frozen(): DeviceState<Named<Tensor>> {
    return this.#state.pick('frozen');
  }

  get #averages(): boolean {
    return (this.#options.averageDecay ?? 0) > 0;
  }

  /**
   * How many steps to pass to `advanceMany`. More than one only where every call takes the state to the device and back, and a call
   * stays well under a second.
   */
  get stepsPerCall(): number {
    // Steps of several micro-batches take calls of their own.
    return this.#sums ? 1 : this.#perCall;
  }

  /** Steps, or micro-batches, in a call. */
  get #perCall(): number {
    return this.#callSize?.steps ?? 1;
  }

  /** One optimizer step, as `advanceMany` with one. */
  async advance(batches: readonly HostOf<Batch>[], variant = 0, position?: number): Promise<StepResult> {
    const [result] = await this.advanceMany([{ batches, position }], variant);
    return result!;
  }

  /**
   * The first of some optimizer steps, at least one: as many as the runtime can do in one call, until one is skipped. The numbers are
   * the same to the bit, however steps are put together. If it fails, the state is that from before.
   * @param variant of the loss function, in all of them
   * @returns the results of the steps that were done
   * @throws RangeError if there is no step, or one without a micro-batch
   */
  async advanceMany(steps: readonly StepInput<Batch>[], variant = 0): Promise<StepResult[]> {
    const [first] = steps;
    if (!first || steps.some(({ batches }) => batches.length === 0))
      throw new RangeError('a step needs at least one micro-batch');
    const programs = this.#programsOf(variant);
    const sums = steps.findIndex(({ batches }) => batches.length > 1);
    return sums === 0
      ? [await this.#advanceSummed(programs, first)]
      : this.#advanceWhole(programs, sums < 0 ? steps : steps.slice(0, sums));
  }

  /** The scalars of a step from now, and the factor of its loss, if no step before it is skipped. */
  #given(position: number | undefined, ahead: number, scale: LossScale | undefined) {
    const step = this.#step + ahead + 1;
    const learningRate = cosineSchedule(this.#options.schedule, position ?? step);
    // Steps that were skipped have moved neither the moments nor the average.
    const update = step - (scale?.skipped ?? 0);
    const scalars: StepScalars<HostTensor> = {
      ...adamWScalars(this.#options.optimizer, update, learningRate),
      averageKeep: scalar(averageKeep(this.#options.averageDecay ?? 0, update)),
      ...(scale && { unscale: scalar(1 / scale.scale) }),
    };
    return { learningRate, scalars };
  }

  /** Lets the runtime do several steps of one kind, and measures it. */
  async #called<Given extends HostTree, Metrics>(
    batches: readonly Given[],
    run: (batches: readonly Given[]) => Promise<Metrics[]>,
  ): Promise<Metrics[]> {
    try {
      const start = performance.now();
      const all = await run(batches);
      const seconds = (performance.now() - start) / 1000;
      this.#callSize ??= new CallSize(await this.#mostPerCall(batches[0]!));
      const isFixed = this.#options.stepsPerCall !== undefined;
      if (!isFixed && all.length === batches.length) this.#callSize.took(all.length, seconds);
      return all;
    } catch (error) {
      if (batches.length === 1 || failureOf(error) !== OUT_OF_MEMORY) throw error;
      // The state is still that from before.
      this.#callSize = new CallSize(1);
      return run(batches.slice(0, 1));
    }
  }

  /**
   * How many steps a call may do. While it does more than two, ONNX Runtime has two more copies of what a step changes on the device,
   * and all batches, which should not take more than that, or little. Half of the memory that is free is left for evaluations and others.
   */
  async #mostPerCall(batch: HostTree): Promise<number> {
    if (!this.#runtime.holdsState) return 1;
    const { parameters, averageDecay = 0 } = this.#options;
    const changed = (averageDecay > 0 ? 4 : 3) * bytesOf(parameters);
    const memory = await deviceMemory(this.#runtime.provider);
    const room = (memory?.free ?? Infinity) / 2 - 2 * changed;
    return Math.max(1, Math.floor(Math.min(Math.max(changed, FEW_BYTES), room) / bytesOf(batch)));
  }

  /** Counts a step. */
  #done(loss: number, gradientNorm: number, learningRate: number, signals: StepResult['signals']): StepResult {
    const before = this.#lossScale;
    this.#step++;
    const metrics = { loss, gradientNorm, learningRate };
    if (!before) return { metrics, signals };
    const isFinite = Number.isFinite(gradientNorm);
    const after = nextLossScale(before, isFinite);
    this.#lossScale = after ?? before;
    return {
      metrics: { ...metrics, lossScale: before.scale },
      signals,
      ...(!isFinite && after && { skipped: { lossScale: after.scale } }),
    };
  }

  #programsOf(variant: number): Programs<Batch> {
    const known = this.#programs.get(variant);
    if (known) return known;
    const { whole, accumulate } = this.#steps.ofVariant(variant);
    const made: Programs<Batch> = {
      whole: this.#runtime.compile('training step', whole),
      accumulate: this.#runtime.compile('gradient accumulation', accumulate),
    };
    this.#programs.set(variant, made);
    return made;
  }

  /** Steps of one micro-batch. Those after one that is skipped depend on that, so it is the last. */
  async #advanceWhole({ whole }: Programs<Batch>, steps: readonly StepInput<Batch>[]): Promise<StepResult[]> {
    let scale = this.#lossScale;
    const given = steps.map(({ batches, position }, ahead) => {
      const { learningRate, scalars } = this.#given(position, ahead, scale);
      const batch = { data: batches[0]!, scalars, ...scaled(scale) };
      scale &&= nextLossScale(scale, true);
      return { learningRate, batch };
    });
    const isSkipped = ({ gradientNorm }: HostOf<StepMetricTensors>) =>
      this.#lossScale !== undefined && !Number.isFinite(item(gradientNorm));
    const all = await this.#called(
      given.map(({ batch }) => batch),
      (some) => whole.runMany(this.#state, some, isSkipped),
    );
    return all.map(({ loss, gradientNorm, signals }, index) =>
      this.#done(item(loss), item(gradientNorm), given[index]!.learningRate, [signals]),
    );
  }

  async #advanceSummed({ accumulate }: Programs<Batch>, { batches, position }: StepInput<Batch>): Promise<StepResult> {
    this.#sums ??= this.#runtime.combine<TrainState>({
      parameters: this.#state.pick('parameters'),
      moments: this.#state.pick('moments'),
      frozen: this.#state.pick('frozen'),
      average: this.#state.pick('average'),
      sums: this.#runtime.upload<Named<Tensor>>(mapValues(this.#options.parameters, ({ shape }) => zeros(shape))),
    });
    const { learningRate, scalars } = this.#given(position, 0, this.#lossScale);
    const scale = scaled(this.#lossScale);
    let total = 0;
    const signals: Named<HostTensor>[] = [];
    while (signals.length < batches.length) {
      const next = batches.slice(signals.length, signals.length + this.#perCall);
      const all = await this.#called(
        next.map((data) => ({ data, ...scale })),
        (some) => accumulate.runMany(this.#sums!, some),
      );
      for (const { loss, signals: own } of all) {
        total += item(loss);
        signals.push(own);
      }
    }
    const share = scalar(1 / batches.length);
    const { gradientNorm } = await this.#apply.run(this.#sums, { share, scalars });
    return this.#done(total / batches.length, item(gradientNorm), learningRate, signals);
  }

  /** Makes room for a snapshot after memory has run out; no step can follow. */
  async freeSteps(): Promise<void> {
    await this.#runtime.freeSteps();
  }

  /** A copy of everything that training needs to continue. */
  async snapshot(): Promise<Snapshot> {
    const parameters = await this.#runtime.download(this.#state.pick('parameters'));
    const moments = await this.#runtime.download(this.#state.pick('moments'));
    const average = this.#averages ? await this.#runtime.download(this.#state.pick('average')) : undefined;
    return { parameters, moments, average, lossScale: this.#lossScale, step: this.#step };
  }

  /** The parameters to keep: see `evaluated`. */
  async result(): Promise<Named<HostTensor>> {
    return this.#runtime.download(this.evaluated);
  }
}

/** Of the batches of a call: what any GPU has to spare. */
const FEW_BYTES = 2 ** 26;

const bytesOf = (tree: HostTree): number =>
  flatten(tree, isHostTensor).reduce((sum, [, { data }]) => sum + data.byteLength, 0);

/** What a micro-batch is given besides its data. */
const scaled = (scale: LossScale | undefined): { scale?: HostTensor } => (scale ? { scale: scalar(scale.scale) } : {});

/**
 * The share of the average that a step keeps. Lower in the first steps, so that the initial parameters are soon
 * forgotten (TensorFlow's ExponentialMovingAverage with `num_updates`).
 * @param step counted from 1
 */
const averageKeep = (decay: number, step: number): number => Math.min(decay, (1 + step) / (10 + step));
