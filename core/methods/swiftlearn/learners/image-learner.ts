import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { EvaluationImages, ImageAugmenter, type BatchOptions } from '../../../data/images/batches';
import type { AugmentConfig } from '../../../data/images/config';
import type { ImageSet } from '../../../data/images/image-set';
import { f32, type HostTensor } from '../../../engine/host';
import { softCrossEntropy } from '../../../engine/ops/loss';
import type { Named } from '../../../engine/optimizer';
import type { Copied } from '../../../models/save';
import { loadVit, saveVit } from '../../../models/vit/checkpoint';
import { patchCount, type VitConfig } from '../../../models/vit/config';
import { flopsPerImage } from '../../../models/vit/cost';
import { ImageEvaluator, randomScores } from '../../../models/vit/evaluate';
import { countVitParameters } from '../../../models/vit/layout';
import { vitForward, type Skip } from '../../../models/vit/skip';
import { Random } from '../../../random';
import { imageMetrics } from '../../../training/train-vit';
import { labelOutcomes, type LabelSignals } from './label-signals';
import type { Learner, SampleBatches } from './learner';
import { remedied } from './remedy';
import { rowsInOrder, ShuffledRows } from '../data/rows';

/**
 * A training batch: images, label distributions, the samples' weights in the loss, and random scores for the control
 * that skips at random.
 */
type Batch<T = Tensor> = Readonly<Record<'images' | 'targets' | 'weights' | 'random', T>>;

/** Identifiers of random streams. */
const STREAMS = { order: 211, augment: 212, skip: 213 } as const;

export interface ImageLearnerOptions extends BatchOptions {
  readonly train: ImageSet;
  readonly heldOut: ImageSet;
  readonly config: VitConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Config text and extra files from the folder that the model starts from. */
  readonly copied?: Copied;
  readonly augment: AugmentConfig;
  /** Patches that skip some blocks, in training, scoring and inference. */
  readonly skip?: Skip | undefined;
  readonly parameters: (seed: number) => Promise<Named<HostTensor>>;
}

/** Trains a vision transformer on labeled images, with any kind of attention and optional token skipping. */
export function imageLearner(options: ImageLearnerOptions): Learner<Batch> {
  const { train, heldOut, config, json, copied, skip, batchSize, normalization } = options;
  const plain = new ImageAugmenter(train, { ...options, augment: AS_THEY_ARE });
  const augmented = new ImageAugmenter(train, options);

  const batchOf = async (samples: Uint32Array, shares: Float32Array, augmenter: ImageAugmenter, draw: Random) => {
    const { images, targets } = await augmenter.batch(Int32Array.from(samples), draw);
    const weights = new Float32Array(batchSize);
    weights.set(shares);
    const random = randomScores(batchSize, patchCount(config), draw);
    return { batch: { images, targets, weights: f32([batchSize], weights), random }, samples };
  };
  const forward = (parameters: Named<Tensor>, { images, random }: Batch): LabelSignals<Tensor> => {
    const { logits, features } = vitForward(config, parameters, { images, random }, skip);
    return { logits, featureNorms: tf.sqrt(tf.sum(tf.square(features), 1)) };
  };
  const scoring: SampleBatches<Batch> = {
    count: Math.ceil(train.size / batchSize),
    take: (number) => {
      const samples = rowsInOrder(train.size, batchSize, number);
      return batchOf(samples, new Float32Array(0), plain, new Random(STREAMS.skip, number));
    },
  };
  const label = (sample: number) => train.label(sample);
  const outputs = train.classes.length;
  return {
    kind: 'images',
    size: train.size,
    heldOutSize: heldOut.size,
    classes: train.classes,
    label,
    outputs,
    noise: train.noise,
    parameterCount: countVitParameters(config),
    flopsPerSample: flopsPerImage(config, skip),
    metric: 'heldOut/accuracy',
    batchSize,
    parameters: options.parameters,
    loss(parameters, batch, remedy) {
      const signals = forward(parameters, batch);
      const losses = remedied(softCrossEntropy(signals.logits, batch.targets), signals.logits, remedy);
      return { loss: tf.sum(tf.mul(losses, batch.weights)), signals };
    },
    signals: forward,
    outcomes: (samples, signals) => labelOutcomes(samples, signals, { outputs, label }),
    scoring,
    training({ samples, weights, seed, epoch }) {
      const rows = new ShuffledRows(samples, weights, batchSize, [STREAMS.order, seed, epoch]);
      return {
        count: rows.count,
        take(number) {
          const { samples: chosen, shares } = rows.batch(number);
          return batchOf(chosen, shares, augmented, new Random(STREAMS.augment, seed, epoch, number));
        },
      };
    },
    evaluator(runtime) {
      const evaluator = new ImageEvaluator(runtime, config, skip);
      const images = new EvaluationImages(heldOut, options);
      return async (model, signal) => {
        const score = await evaluator.score(model, images, signal);
        return { metrics: imageMetrics(score), text: `${(100 * score.accuracy).toFixed(2)} % accuracy` };
      };
    },
    save: (dir, model) => saveVit(dir, { ...copied, config, json, normalization, ...model }),
    load: async (dir) => (await loadVit(dir)).parameters,
  };
}

/** No augmentation of images that are scored. */
const AS_THEY_ARE: AugmentConfig = {
  crop: 1,
  pad: 0,
  flip: false,
  randomOperations: 0,
  randomMagnitude: 0,
  mixup: 0,
  cutmix: 0,
  mixProbability: 0,
  labelSmoothing: 0,
};
