import type { DataKind } from '../../../protocol/importance';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { FloatDtype } from '../../../checkpoint/dtype';
import type { HostOf, HostTensor } from '../../../engine/host';
import type { Named } from '../../../engine/optimizer';
import type { DeviceState, Runtime } from '../../../engine/runtime/runtime';
import type { CheckpointMeta, TrainingState } from '../../../checkpoint/training-state';
import type { LossWithSignals } from '../../../training/trainer';
import type { Outcome } from '../sampling/scores';

/** Some samples, ready for the model. */
export interface SampleBatch<Batch> {
  readonly batch: HostOf<Batch>;
  /** Numbers of the samples, row by row; rows after them are padding, whose weights are 0. */
  readonly samples: Uint32Array;
}

/** Batches by their number, from 0: what `take` gives depends on the number alone. */
export interface SampleBatches<Batch> {
  readonly count: number;
  take(number: number): Promise<SampleBatch<Batch>>;
}

/** How good a model is, by name; the primary one is `Learner.metric`. */
export type Metrics = Readonly<Record<string, number>>;

/** A model to save. */
export interface ModelToSave {
  readonly parameters: Named<HostTensor>;
  readonly dtype: FloatDtype;
  readonly meta: CheckpointMeta;
  readonly training?: TrainingState;
  /** Writes further files into the folder before it is there. */
  readonly alsoWrite?: (folder: string) => Promise<void>;
}

/** A model and its data, so far as choosing samples needs to know them: what all kinds of data have in common. */
export interface Learner<Batch = unknown> {
  readonly kind: DataKind;
  /** Samples to train on. */
  readonly size: number;
  readonly heldOutSize: number;
  /** Names of the classes; none for regression, and for samples without labels. */
  readonly classes: readonly string[];
  /** Index of the class of a sample; for regression its number. Undefined where samples have no labels. */
  readonly label?: (sample: number) => number;
  /** Logits of a sample; 0 where samples have no labels. */
  readonly outputs: number;
  /** Tells the same data from another where labels cannot: see `importanceMap`. */
  readonly fingerprint?: string;
  /** Parameters of the model. */
  readonly parameterCount: number;
  /** Forward pass of one sample, on average, floating-point operations. */
  readonly flopsPerSample: number;
  /** Name of the primary metric: higher is better. */
  readonly metric: string;
  readonly batchSize: number;
  parameters(seed: number): Promise<Named<HostTensor>>;
  /** Mean of the weighted losses of a batch, with the `signals` of its samples. */
  loss(parameters: Named<Tensor>, batch: Batch): LossWithSignals;
  /** What `outcomes` is to know of the samples of a batch: small tensors, since all of them leave the device. */
  signals(parameters: Named<Tensor>, batch: Batch): Named<Tensor>;
  /** What signals say of the samples of a batch, row by row. */
  outcomes(samples: Uint32Array, signals: Named<HostTensor>): Outcome[];
  /** Batches to train on: the samples in an order of the seed and the epoch, augmented. */
  training(options: {
    readonly samples: Uint32Array;
    readonly weights?: Float32Array | undefined;
    readonly seed: number;
    readonly epoch: number;
  }): SampleBatches<Batch>;
  /** All samples as they are, to be scored. */
  readonly scoring: SampleBatches<Batch>;
  /** Evaluates a model on the held-out samples. */
  evaluator(
    runtime: Runtime,
  ): (model: DeviceState<Named<Tensor>>, signal: AbortSignal) => Promise<{ metrics: Metrics; text: string }>;
  save(dir: string, model: ModelToSave): Promise<void>;
  /** The parameters that `save` wrote. */
  load(dir: string): Promise<Named<HostTensor>>;
}
