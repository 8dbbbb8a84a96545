import { f32, i32, type HostTensor } from '../../engine/host';
import { Random } from '../../random';
import { Permutation } from '../permutation';
import type { AugmentConfig } from './config';
import type { ImageSet } from './image-set';
import { mix } from './mix';
import { CENTERED, drawPlacement, writePixels, type Normalization } from './pixels';
import { applyAll, drawOperations } from './rand-augment';
import { drawCut } from './view';

/** A batch to train on. */
export interface ImageBatch {
  /** float32 [batch, channels, side, side] */
  readonly images: HostTensor<'float32'>;
  /** float32 [batch, classes], a distribution per image. */
  readonly targets: HostTensor<'float32'>;
  /** Indices of the images in their set, before mixing. */
  readonly indices: Int32Array;
}

/** A batch to evaluate a model on. */
export interface LabeledBatch {
  /** float32 [batch, channels, side, side]; rows after the last image are black. */
  readonly images: HostTensor<'float32'>;
  /** int32 [batch], -1 after the last image. */
  readonly labels: HostTensor<'int32'>;
}

export interface BatchOptions {
  readonly batchSize: number;
  /** Side of the square that the model sees, in pixels. */
  readonly side: number;
  readonly normalization: Normalization;
}

/** Makes training batches of any images of a set. */
export class ImageAugmenter {
  constructor(
    readonly set: ImageSet,
    readonly options: BatchOptions & { readonly augment: AugmentConfig },
  ) {}

  /**
   * @param indices of the images: at most one batch; unused rows are black, with a uniform distribution over the
   *   classes
   * @param random the generator for everything that is drawn for the batch
   */
  async batch(indices: Int32Array, random: Random): Promise<ImageBatch> {
    const { batchSize, side, normalization, augment } = this.options;
    const { channels, classes } = this.set;
    const pixels = channels * side * side;
    const images = new Float32Array(batchSize * pixels);
    const targets = new Float32Array(batchSize * classes.length).fill(augment.labelSmoothing / classes.length);
    // Drawn before anything is read, so that the order of the reads does not matter.
    const drawn = Array.from(indices, () => drawAugmentation(augment, random));
    await Promise.all(
      Array.from(indices, async (index, i) => {
        const { cut, operations, placement } = drawn[i]!;
        const image = await this.set.read(index, { side, ...(cut && { cut }) });
        writePixels(
          applyAll(image, operations),
          normalization,
          placement,
          images.subarray(i * pixels, (i + 1) * pixels),
        );
      }),
    );
    indices.forEach((index, i) => {
      targets[i * classes.length + this.set.label(index)]! += 1 - augment.labelSmoothing;
    });
    const count = indices.length;
    mix({ batch: count, channels, side, classes: classes.length, images, targets }, augment, random);
    return {
      images: f32([batchSize, channels, side, side], images),
      targets: f32([batchSize, classes.length], targets),
      indices,
    };
  }
}

/**
 * Training batches: every image once per epoch, in a different order each time. Images of an epoch that do not fill a
 * batch are left out. A batch depends only on its number and the seed, so a resumed run sees the same.
 */
export class TrainingImages {
  readonly batchesPerEpoch: number;
  readonly #augmenter: ImageAugmenter;

  /** @throws RangeError if there are fewer images than a batch has */
  constructor(
    readonly set: ImageSet,
    readonly options: BatchOptions & { readonly augment: AugmentConfig; readonly seed: number },
  ) {
    this.batchesPerEpoch = Math.floor(set.size / options.batchSize);
    if (this.batchesPerEpoch === 0) throw new RangeError(`${set.size} images make no batch of ${options.batchSize}`);
    this.#augmenter = new ImageAugmenter(set, options);
  }

  /** @param number the batch's number, counted from 0 over all epochs */
  batch(number: number): Promise<ImageBatch> {
    const { batchSize, seed } = this.options;
    const epoch = Math.floor(number / this.batchesPerEpoch);
    const order = new Permutation(this.set.size, seed, epoch);
    const first = (number % this.batchesPerEpoch) * batchSize;
    const indices = Int32Array.from({ length: batchSize }, (_, i) => order.at(first + i));
    return this.#augmenter.batch(indices, new Random(seed, number));
  }
}

/** Everything that is drawn for one image, in a fixed order that does not depend on the image. */
const drawAugmentation = (augment: AugmentConfig, random: Random) => ({
  cut: drawCut(augment.crop, random),
  operations: drawOperations(augment, random),
  placement: drawPlacement(augment, random),
});

/** Batches for evaluation: every image once, without augmentation. */
export class EvaluationImages {
  readonly count: number;

  constructor(
    readonly set: ImageSet,
    readonly options: BatchOptions,
  ) {
    this.count = Math.ceil(set.size / options.batchSize);
  }

  async batch(number: number): Promise<LabeledBatch> {
    const { batchSize, side, normalization } = this.options;
    const { channels } = this.set;
    const pixels = channels * side * side;
    const images = new Float32Array(batchSize * pixels);
    const labels = new Int32Array(batchSize).fill(-1);
    const first = number * batchSize;
    await Promise.all(
      Array.from({ length: Math.min(batchSize, this.set.size - first) }, async (_, i) => {
        const image = await this.set.read(first + i, { side });
        writePixels(image, normalization, CENTERED, images.subarray(i * pixels, (i + 1) * pixels));
        labels[i] = this.set.label(first + i);
      }),
    );
    return { images: f32([batchSize, channels, side, side], images), labels: i32([batchSize], labels) };
  }
}
