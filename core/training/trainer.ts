import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostOf, HostTensor } from '../engine/host';
import { item, mapValues, scalar, zeros } from '../engine/host';
import { FIRST_LOSS_SCALE, nextLossScale, type LossScale } from '../engine/loss-scale';
import type { Moments, Named, Schedule } from '../engine/optimizer';
import { adamWScalars, cosineSchedule, zeroMoments } from '../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../engine/runtime/runtime';
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

  readonly #runtime: Runtime;
  readonly #options: TrainerOptions<Batch>;

  constructor(runtime: Runtime, options: TrainerOptions<Batch>) {
    this.#runtime = runtime;
    this.#options = options;
    const { parameters, frozen = {}, from, averageDecay = 0 } = options;
    this.#step = from?.step ?? 0;
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
   * One optimizer step over one or more micro-batches of equal weight.
   * @param variant of the loss function
   * @param position on the learning rate schedule, in steps from 1; default: the number of the step
   * @throws RangeError without a micro-batch
   */
  async advance(batches: readonly HostOf<Batch>[], variant = 0, position = this.#step + 1): Promise<StepResult> {
    const [first] = batches;
    if (!first) throw new RangeError('a step needs at least one micro-batch');
    const learningRate = cosineSchedule(this.#options.schedule, position);
    const before = this.#lossScale;
    // Steps that were skipped have moved neither the moments nor the average.
    const update = this.#step + 1 - (before?.skipped ?? 0);
    const scalars: StepScalars<HostTensor> = {
      ...adamWScalars(this.#options.optimizer, update, learningRate),
      averageKeep: scalar(averageKeep(this.#options.averageDecay ?? 0, update)),
      ...(before && { unscale: scalar(1 / before.scale) }),
    };
    const programs = this.#programsOf(variant);
    const { loss, gradientNorm, signals } =
      batches.length === 1
        ? await this.#advanceWhole(programs, first, scalars)
        : await this.#advanceSummed(programs, batches, scalars);
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

  /** What a micro-batch is given besides its data. */
  get #scaled(): { scale?: HostTensor } {
    return this.#lossScale ? { scale: scalar(this.#lossScale.scale) } : {};
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

  async #advanceWhole({ whole }: Programs<Batch>, data: HostOf<Batch>, scalars: StepScalars<HostTensor>) {
    const batch = { data, scalars, ...this.#scaled };
    const { loss, gradientNorm, signals } = await whole.run(this.#state, batch);
    return { loss: item(loss), gradientNorm: item(gradientNorm), signals: [signals] };
  }

  async #advanceSummed(
    { accumulate }: Programs<Batch>,
    batches: readonly HostOf<Batch>[],
    scalars: StepScalars<HostTensor>,
  ) {
    this.#sums ??= this.#runtime.combine<TrainState>({
      parameters: this.#state.pick('parameters'),
      moments: this.#state.pick('moments'),
      frozen: this.#state.pick('frozen'),
      average: this.#state.pick('average'),
      sums: this.#runtime.upload<Named<Tensor>>(mapValues(this.#options.parameters, ({ shape }) => zeros(shape))),
    });
    let total = 0;
    const signals: Named<HostTensor>[] = [];
    for (const data of batches) {
      const { loss, signals: own } = await accumulate.run(this.#sums, { data, ...this.#scaled });
      total += item(loss);
      signals.push(own);
    }
    const share = scalar(1 / batches.length);
    const { gradientNorm } = await this.#apply.run(this.#sums, { share, scalars });
    return { loss: total / batches.length, gradientNorm: item(gradientNorm), signals };
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

/**
 * The share of the average that a step keeps. Lower in the first steps, so that the initial parameters are soon
 * forgotten (TensorFlow's ExponentialMovingAverage with `num_updates`).
 * @param step counted from 1
 */
const averageKeep = (decay: number, step: number): number => Math.min(decay, (1 + step) / (10 + step));
