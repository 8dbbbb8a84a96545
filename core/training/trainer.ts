import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../engine/grad';
import type { HostOf, HostTensor } from '../engine/host';
import { item, scalar, zeros } from '../engine/host';
import type { AdamWScalars, AdamWSettings, Moments, Named, Schedule } from '../engine/optimizer';
import { adamW, adamWScalars, cosineSchedule, zeroMoments } from '../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../engine/runtime/runtime';

/** Mean loss of a batch. `frozen` holds tensors that take part but are not trained (a teacher's weights, say). */
export type LossFunction<Batch> = (parameters: Named<Tensor>, batch: Batch, frozen: Named<Tensor>) => Tensor;

export interface TrainerOptions<Batch> {
  readonly loss: LossFunction<Batch>;
  readonly parameters: Named<HostTensor>;
  readonly frozen?: Named<HostTensor>;
  readonly optimizer: AdamWSettings;
  readonly schedule: Schedule;
  /** Continues where `snapshot` was taken. */
  readonly from?: Pick<Snapshot, 'moments' | 'step'>;
}

/** All that training needs to continue with the same bits. */
export interface Snapshot {
  readonly parameters: Named<HostTensor>;
  readonly moments: Moments<HostTensor>;
  /** Steps done. */
  readonly step: number;
}

export interface StepMetrics {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
}

type TrainState = { parameters: Named<Tensor>; moments: Moments<Tensor>; frozen: Named<Tensor>; sums: Named<Tensor> };
type StepMetricTensors = { loss: Tensor; gradientNorm: Tensor };

/**
 * Minimises a loss with AdamW. Knows nothing of data, logging or files: its caller feeds batches and saves snapshots.
 * One micro-batch a step is one graph; several are summed by one graph and applied by another.
 */
export class Trainer<Batch> {
  readonly #state: DeviceState<TrainState>;
  readonly #whole: Program<TrainState, { data: Batch; scalars: AdamWScalars<Tensor> }, StepMetricTensors>;
  readonly #accumulate: Program<TrainState, { data: Batch }, { loss: Tensor }>;
  readonly #apply: Program<TrainState, { share: Tensor; scalars: AdamWScalars<Tensor> }, { gradientNorm: Tensor }>;
  #sums: DeviceState<TrainState> | undefined;
  #step: number;

  constructor(
    private readonly runtime: Runtime,
    private readonly options: TrainerOptions<Batch>,
  ) {
    const { parameters, frozen = {}, from, optimizer, loss } = options;
    this.#step = from?.step ?? 0;
    const moments = from?.moments ?? zeroMoments(parameters);
    this.#state = runtime.upload<TrainState>({ parameters, moments, frozen, sums: {} });

    const gradientsOf = (state: TrainState, data: Batch) =>
      valueAndGradients(state.parameters, (values) => ({ loss: loss(values, data, state.frozen), aux: {} }));
    this.#whole = runtime.compile('training step', (state, { data, scalars }) => {
      const { loss, gradients } = gradientsOf(state, data);
      const next = adamW(state.parameters, gradients, state.moments, scalars, optimizer);
      return {
        state: { parameters: next.parameters, moments: next.moments },
        metrics: { loss, gradientNorm: next.gradientNorm },
      };
    });
    this.#accumulate = runtime.compile('gradient accumulation', (state, { data }) => {
      const { loss, gradients } = gradientsOf(state, data);
      return { state: { sums: mapNamed(state.sums, (sum, name) => tf.add(sum, gradients[name]!)) }, metrics: { loss } };
    });
    this.#apply = runtime.compile('optimizer step', (state, { share, scalars }) => {
      const gradients = mapNamed(state.sums, (sum) => tf.mul(sum, share));
      const next = adamW(state.parameters, gradients, state.moments, scalars, optimizer);
      return {
        state: {
          parameters: next.parameters,
          moments: next.moments,
          sums: mapNamed(state.sums, (sum) => tf.zerosLike(sum)),
        },
        metrics: { gradientNorm: next.gradientNorm },
      };
    });
  }

  /** Steps done so far. */
  get step(): number {
    return this.#step;
  }

  /** The trained parameters on the device, for programs that evaluate them between steps. */
  get parameters(): DeviceState<Named<Tensor>> {
    return this.#state.pick('parameters');
  }

  /** The tensors that take part without being trained. */
  get frozen(): DeviceState<Named<Tensor>> {
    return this.#state.pick('frozen');
  }

  /**
   * One optimizer step over one or more micro-batches of equal weight.
   * @throws RangeError without a micro-batch
   */
  async advance(batches: readonly HostOf<Batch>[]): Promise<StepMetrics> {
    const [first] = batches;
    if (!first) throw new RangeError('a step needs at least one micro-batch');
    const learningRate = cosineSchedule(this.options.schedule, this.#step + 1);
    const scalars = adamWScalars(this.options.optimizer, this.#step + 1, learningRate);
    const { loss, gradientNorm } =
      batches.length === 1 ? await this.#advanceWhole(first, scalars) : await this.#advanceSummed(batches, scalars);
    this.#step++;
    return { loss, gradientNorm, learningRate };
  }

  async #advanceWhole(data: HostOf<Batch>, scalars: AdamWScalars<HostTensor>) {
    const batch = { data, scalars };
    const { loss, gradientNorm } = await this.#whole.run(this.#state, batch);
    return { loss: item(loss), gradientNorm: item(gradientNorm) };
  }

  async #advanceSummed(batches: readonly HostOf<Batch>[], scalars: AdamWScalars<HostTensor>) {
    this.#sums ??= this.runtime.combine<TrainState>({
      parameters: this.#state.pick('parameters'),
      moments: this.#state.pick('moments'),
      frozen: this.#state.pick('frozen'),
      sums: this.runtime.upload<Named<Tensor>>(mapNamed(this.options.parameters, ({ shape }) => zeros(shape))),
    });
    let total = 0;
    for (const data of batches) {
      const { loss } = await this.#accumulate.run(this.#sums, { data });
      total += item(loss);
    }
    const share = scalar(1 / batches.length);
    const { gradientNorm } = await this.#apply.run(this.#sums, { share, scalars });
    return { loss: total / batches.length, gradientNorm: item(gradientNorm) };
  }

  /** A copy of everything that training needs to continue. */
  async snapshot(): Promise<Snapshot> {
    const parameters = await this.runtime.download(this.#state.pick('parameters'));
    const moments = await this.runtime.download(this.#state.pick('moments'));
    return { parameters, moments, step: this.#step };
  }
}

const mapNamed = <From, To>(values: Named<From>, convert: (value: From, name: string) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, convert(value, name)]));
