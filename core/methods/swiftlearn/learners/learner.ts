import type { DataKind } from '../../../protocol/importance';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { FloatDtype } from '../../../checkpoint/dtype';
import type { HostOf, HostTensor } from '../../../engine/host';
import type { Named } from '../../../engine/optimizer';
import type { DeviceState, Runtime } from '../../../engine/runtime/runtime';
import type { CheckpointMeta, TrainingState } from '../../../checkpoint/training-state';
import type { LossWithSignals } from '../../../training/steps';
import type { MadeNoise } from '../../../data/label-noise';
import type { Outcome } from '../sampling/scores';
import type { Remedy } from './remedy';

/** A batch of samples, ready for the model. */
export interface SampleBatch<Batch> {
  readonly batch: HostOf<Batch>;
  /** The sample number of each row; further rows are padding, with weight 0. */
  readonly samples: Uint32Array;
}

/** Batches by number, from 0. The result of `take` depends only on the number. */
export interface SampleBatches<Batch> {
  readonly count: number;
  take(number: number): Promise<SampleBatch<Batch>>;
}

/** Evaluation metrics by name; the primary one is `Learner.metric`. */
export type Metrics = Readonly<Record<string, number>>;

/** A model to save. */
export interface ModelToSave {
  readonly parameters: Named<HostTensor>;
  readonly dtype: FloatDtype;
  readonly meta: CheckpointMeta;
  readonly training?: TrainingState;
  /** Writes more files into the folder before it is moved into place. */
  readonly alsoWrite?: (folder: string) => Promise<void>;
}

/** A model and its data, as far as selecting samples must know them; the same for all kinds of data. */
export interface Learner<Batch = unknown> {
  readonly kind: DataKind;
  /** Number of training samples. */
  readonly size: number;
  readonly heldOutSize: number;
  /** Class names; empty for regression and for samples without labels. */
  readonly classes: readonly string[];
  /** Class index of a sample, or its target value for regression. Undefined if samples have no labels. */
  readonly label?: (sample: number) => number;
  /** Number of logits per sample; 0 if samples have no labels. */
  readonly outputs: number;
  /** Identifies data without labels to compare: see `importanceMap`. */
  readonly fingerprint?: string;
  /** Number of model parameters. */
  readonly parameterCount: number;
  /** FLOPs of the forward pass on one sample, on average. */
  readonly flopsPerSample: number;
  /** Name of the primary metric: higher is better. */
  readonly metric: string;
  readonly batchSize: number;
  parameters(seed: number): Promise<Named<HostTensor>>;
  /** Labels that were made wrong on purpose; undefined if they are as they came. */
  readonly noise?: MadeNoise | undefined;
  /** Weighted loss of a batch, with the `signals` of its samples. @param remedy against wrong classes, where labels are classes */
  loss(parameters: Named<Tensor>, batch: Batch, remedy?: Remedy): LossWithSignals;
  /** The inputs of `outcomes` for a batch: small tensors, because all of them are transferred from the device. */
  signals(parameters: Named<Tensor>, batch: Batch): Named<Tensor>;
  /** The outcome for each sample of a batch, from its signals. */
  outcomes(samples: Uint32Array, signals: Named<HostTensor>): Outcome[];
  /** Training batches: the samples in an order given by seed and epoch, augmented. */
  training(options: {
    readonly samples: Uint32Array;
    readonly weights?: Float32Array | undefined;
    readonly seed: number;
    readonly epoch: number;
  }): SampleBatches<Batch>;
  /** All samples without augmentation, for scoring. */
  readonly scoring: SampleBatches<Batch>;
  /** Evaluates a model on the held-out samples. */
  evaluator(
    runtime: Runtime,
  ): (model: DeviceState<Named<Tensor>>, signal: AbortSignal) => Promise<{ metrics: Metrics; text: string }>;
  save(dir: string, model: ModelToSave): Promise<void>;
  /** Loads the parameters that `save` wrote. */
  load(dir: string): Promise<Named<HostTensor>>;
}
