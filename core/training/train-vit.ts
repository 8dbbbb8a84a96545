import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { EvaluationImages, TrainingImages } from '../data/images/batches';
import { Prefetch } from '../data/prefetch';
import { f32, type HostOf, type HostTensor } from '../engine/host';
import type { Named } from '../engine/optimizer';
import type { DeviceState, Runtime } from '../engine/runtime/runtime';
import type { TrainingContext } from './context';
import type { Copied } from '../models/save';
import { loadVit, saveVit } from '../models/vit/checkpoint';
import { patchCount, type VitConfig } from '../models/vit/config';
import { ImageEvaluator, randomScores, type ImageScore } from '../models/vit/evaluate';
import type { Skip, SkipPlan } from '../models/vit/skip';
import { Random } from '../random';
import type { TrainingConfig } from './config';
import { trainModel } from './train-model';
import { imageLoss, type ImageLossBatch } from './image-loss';

/** Batches that are decoded and augmented in advance. */
const AHEAD = 2;

/** Identifies the random streams of one seed. */
const STREAMS = { depth: 101, skip: 102 } as const;

/** A training batch: images, their label distributions, and the random numbers drawn for them. */
export type VitBatch<T = Tensor> = ImageLossBatch<T> & { readonly depth: T };

export interface VitTraining {
  /** Name of this training within the run, used in events and the checkpoint. */
  readonly phase: string;
  readonly config: VitConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What the model takes over from the folder that it starts from. */
  readonly copied?: Copied;
  /** Initial parameters, unless there is a checkpoint of this phase. */
  readonly parameters: Named<HostTensor>;
  /** Which patches skip blocks in training. */
  readonly plan?: SkipPlan | undefined;
  /** The same for evaluation; default: no patches skip blocks. */
  readonly evaluationSkip?: Skip | undefined;
  readonly training: TrainingConfig;
  /**
   * Stochastic depth: probability of dropping a block for an image, from 0 at the first block to this at the last
   * (Huang et al., 2016).
   */
  readonly dropPath: number;
  readonly train: TrainingImages;
  readonly heldOut: EvaluationImages;
  readonly steps: number;
  readonly evaluateEvery: number;
  /** Called with the model after each evaluation. */
  onEvaluated?(runtime: Runtime, model: DeviceState<Named<Tensor>>, step: number, score: ImageScore): Promise<void>;
  readonly seed: number;
}

export interface TrainedVit {
  readonly parameters: Named<HostTensor>;
  /** Median over the steps of this process; undefined if there were none. */
  readonly imagesPerSecond: number | undefined;
  /** Share of the training time that was spent waiting for images, in this process. */
  readonly waitingShare: number;
}

/** A score as metrics of a run. */
export const imageMetrics = ({ accuracy, loss }: Pick<ImageScore, 'accuracy' | 'loss'>): Record<string, number> => ({
  'heldOut/accuracy': accuracy,
  'heldOut/loss': loss,
});

/** Trains a vision transformer on labeled images: see `trainModel`. */
export async function trainVit(context: TrainingContext, options: VitTraining): Promise<TrainedVit> {
  const { config, training, train, heldOut, steps, plan } = options;
  const { batchSize, accumulate } = training;
  const batches = new Prefetch((number) => batchOf(options, number), AHEAD, steps * accumulate);
  const { parameters, rate } = await trainModel<VitBatch>(context, {
    phase: options.phase,
    parameters: options.parameters,
    loss: (values, batch, _frozen, kept) => vitLoss(values, batch, kept, options),
    training,
    steps,
    unit: 'images',
    unitsPerBatch: batchSize,
    batch: (number) => batches.take(number),
    // Each number of patches is compiled separately.
    variant: (number) => plan?.keptAt(number / train.batchesPerEpoch) ?? 0,
    evaluateEvery: options.evaluateEvery,
    evaluator: (runtime, trainer) => {
      const evaluator = new ImageEvaluator(runtime, config, options.evaluationSkip);
      return async () => {
        const score = await evaluator.score(trainer.evaluated, heldOut, context.signal);
        await options.onEvaluated?.(runtime, trainer.evaluated, trainer.step, score);
        return { metrics: imageMetrics(score), text: `${(100 * score.accuracy).toFixed(2)} % accuracy` };
      };
    },
    load: loadVit,
    save: (dir, state) =>
      saveVit(dir, {
        ...options.copied,
        ...state,
        config,
        json: options.json,
        normalization: train.options.normalization,
      }),
  });
  return { parameters, imagesPerSecond: rate, waitingShare: batches.waitingShare };
}

/** @param kept number of patches that are not skipped in this step */
export function vitLoss(
  parameters: Named<Tensor>,
  batch: VitBatch,
  kept: number,
  { config, dropPath, plan }: Pick<VitTraining, 'config' | 'dropPath' | 'plan'>,
): Tensor {
  const size = batch.images.shape[0];
  const factors = (layer: number, branch: 0 | 1) => {
    const keep = 1 - rateAt(config, dropPath, layer);
    const drawn = tf.slice(batch.depth, [0, 2 * layer + branch], [size, 1]);
    // Scaled up if kept, so that the mean stays the same.
    const factor = tf.div(tf.cast(tf.less(drawn, keep), 'float32'), keep);
    return tf.reshape(factor, [size, 1, 1]);
  };
  const skip = plan && kept < patchCount(config) ? { ...plan.skip, kept } : undefined;
  const depth = dropPath > 0 ? (layer: number) => [factors(layer, 0), factors(layer, 1)] as const : undefined;
  return imageLoss(config, parameters, batch, skip, depth);
}

const rateAt = ({ layers }: VitConfig, dropPath: number, layer: number) =>
  layers > 1 ? (dropPath * layer) / (layers - 1) : dropPath;

/** Everything that a micro-batch needs; depends only on its number and the seed. */
async function batchOf({ config, train, seed }: VitTraining, number: number): Promise<HostOf<VitBatch>> {
  const { images, targets } = await train.batch(number);
  const size = train.options.batchSize;
  const draw = new Random(seed, STREAMS.depth, number);
  const depth = Float32Array.from({ length: size * 2 * config.layers }, () => draw.uniform());
  return {
    images,
    targets,
    random: randomScores(size, patchCount(config), new Random(seed, STREAMS.skip, number)),
    depth: f32([size, 2 * config.layers], depth),
  };
}
