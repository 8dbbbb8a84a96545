import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../engine/grad';
import { mapValues } from '../engine/host';
import { inPrecision } from '../engine/ops/precision';
import { recomputing } from '../engine/ops/recompute';
import { together } from '../engine/ops/together';
import type { AdamWScalars, AdamWSettings, Moments, Named } from '../engine/optimizer';
import { adamW, ifFinite } from '../engine/optimizer';
import type { Step } from '../engine/runtime/runtime';
import type { Precision } from '../engine/tracing/precision';

/**
 * Mean loss of a batch. `frozen` holds tensors that take part but are not trained (such as a teacher's weights).
 * `variant` is the number passed to `advance`; it changes the computation, and each value is compiled separately.
 */
export type LossFunction<Batch, Result = Tensor> = (
  parameters: Named<Tensor>,
  batch: Batch,
  frozen: Named<Tensor>,
  variant: number,
) => Result;

/** A loss, and other results of the forward pass that are needed after every step (such as the logits of the samples). */
export interface LossWithSignals {
  readonly loss: Tensor;
  readonly signals: Named<Tensor>;
}

/** Everything that a training has on the device. */
export type TrainState = {
  parameters: Named<Tensor>;
  moments: Moments<Tensor>;
  frozen: Named<Tensor>;
  /** Moving average of the parameters; empty if none is requested. */
  average: Named<Tensor>;
  /** Sums of the gradients of micro-batches; empty if steps have one micro-batch. */
  sums: Named<Tensor>;
};
export type StepMetricTensors = { loss: Tensor; gradientNorm: Tensor; signals: Named<Tensor> };
export type StepScalars<T> = AdamWScalars<T> & { readonly averageKeep: T };
export type WholeBatch<Batch> = MicroBatch<Batch> & { scalars: StepScalars<Tensor> };
/** A micro-batch. `scale` is the factor of its loss, in float16. */
export type MicroBatch<Batch> = { data: Batch; scale?: Tensor };
export type ApplyBatch = { share: Tensor; scalars: StepScalars<Tensor> };

/** What the steps of a training depend on. */
export interface StepOptions<Batch> {
  readonly loss: LossFunction<Batch, Tensor | LossWithSignals>;
  readonly optimizer: AdamWSettings;
  /** Decay of a moving average of the parameters, which is then evaluated and kept instead of them; 0 for none. */
  readonly averageDecay?: number;
  /** Whether the blocks of the model are recomputed in the backward pass (../engine/ops/recompute). */
  readonly checkpointActivations?: boolean;
  /** Of matrix products and activations; weights, moments and what is summed are float32 in any case. */
  readonly precision?: Precision | undefined;
}

/** The steps of a training as pure functions: to be compiled, or to be traced for an estimate of their memory. */
export interface TrainingSteps<Batch> {
  ofVariant(variant: number): {
    /** A step of one micro-batch. */
    readonly whole: Step<TrainState, WholeBatch<Batch>, StepMetricTensors>;
    /** Adds the gradients of a micro-batch to the sums. */
    readonly accumulate: Step<TrainState, MicroBatch<Batch>, { loss: Tensor; signals: Named<Tensor> }>;
  };
  /** A step of the optimizer on the sums, which are zero afterwards. */
  readonly apply: Step<TrainState, ApplyBatch, { gradientNorm: Tensor }>;
}

export function trainingSteps<Batch>({
  loss,
  optimizer,
  averageDecay = 0,
  checkpointActivations = false,
  precision = 'float32',
}: StepOptions<Batch>): TrainingSteps<Batch> {
  /** The state after an optimizer step. */
  const updated = (state: TrainState, gradients: Named<Tensor>, scalars: StepScalars<Tensor>) => {
    const next = adamW(state.parameters, gradients, state.moments, scalars, optimizer);
    const average = () =>
      together(
        { mean: state.average, parameter: next.parameters },
        ({ mean, parameter }) => {
          const moved = tf.add(parameter, tf.mul(scalars.averageKeep, tf.sub(mean, parameter)));
          return { mean: scalars.unscale ? ifFinite(next.gradientNorm, moved, mean) : moved };
        },
        { blocks: true },
      ).mean;
    const { parameters, moments, gradientNorm } = next;
    return { state: { parameters, moments, ...(averageDecay > 0 && { average: average() }) }, gradientNorm };
  };
  return {
    ofVariant(variant) {
      const gradientsOf = (state: TrainState, { data, scale }: MicroBatch<Batch>) =>
        inPrecision(precision, () =>
          recomputing(checkpointActivations, () =>
            valueAndGradients(
              state.parameters,
              (values) => {
                const result = loss(values, data, state.frozen, variant);
                return 'signals' in result ? { loss: result.loss, aux: result.signals } : { loss: result, aux: {} };
              },
              scale,
            ),
          ),
        );
      return {
        whole: (state, { scalars, ...batch }) => {
          const { loss, gradients, aux } = gradientsOf(state, batch);
          const { state: next, gradientNorm } = updated(state, gradients, scalars);
          return { state: next, metrics: { loss, gradientNorm, signals: aux } };
        },
        accumulate: (state, batch) => {
          const { loss, gradients, aux } = gradientsOf(state, batch);
          return {
            state: {
              sums: together(
                { sum: state.sums, gradient: gradients },
                ({ sum, gradient }) => ({ sum: tf.add(sum, gradient) }),
                { blocks: false },
              ).sum,
            },
            metrics: { loss, signals: aux },
          };
        },
      };
    },
    apply: (state, { share, scalars }) => {
      const { state: next, gradientNorm } = updated(
        state,
        together({ sum: state.sums }, ({ sum }) => ({ sum: tf.mul(sum, share) }), { blocks: false }).sum,
        scalars,
      );
      return {
        state: { ...next, sums: mapValues(state.sums, (sum) => tf.zerosLike(sum)) },
        metrics: { gradientNorm },
      };
    },
  };
}
