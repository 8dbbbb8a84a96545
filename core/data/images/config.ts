import * as z from 'zod';
import { LabelNoiseConfig } from '../label-noise';

const probability = z.number().min(0).max(1);

/** Where labeled images come from and how they are split: the `data` part of every spec that trains on images. */
export const ImageDataConfig = z.strictObject({
  source: z
    .string()
    .min(1)
    .default('embedded:digits')
    .describe(
      "The images: 'embedded:digits' (10 000 handwritten digits of MNIST, 28 x 28 in gray), a folder with one folder of " +
        'image files for each class (or such folders inside train/ and val/), a .parquet file or a folder of those (as ' +
        'Hugging Face stores images), or an IDX file of images as MNIST is distributed; relative to the spec.',
    ),
  heldOut: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Evaluation images, in the same form as the source. Default: the source's own val/ or test/ part (for Parquet, files with these names), otherwise a share of the source.",
    ),
  heldOutShare: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.2)
    .describe('Share of the images of each class that is held out if the source has no val/ or test/ part.'),
  imageColumn: z.string().min(1).default('image').describe('The column of a .parquet file that holds the images.'),
  labelColumn: z.string().min(1).default('label').describe('The column of a .parquet file that holds the classes.'),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .describe('Input channels: 1 (gray) or 3 (color). Default: 3, and 1 for IDX files and the embedded digits.'),
  corrupt: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe(
      "What to do with images that cannot be decoded: 'stop' before training and list them, or 'skip' them. Either way, all images are checked first.",
    ),
  labelNoise: LabelNoiseConfig.optional().describe(
    'For experiments only: makes a share of the training labels wrong, never those of the evaluation images. Default: labels as they came.',
  ),
});
export type ImageDataConfig = z.infer<typeof ImageDataConfig>;

/** How training images, and their labels, are augmented: the `augment` part of a spec. */
export const AugmentConfig = z.strictObject({
  crop: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe(
      'Minimum share of the image that a random crop keeps before it is resized (0.08 for ImageNet); 1 turns cropping off.',
    ),
  pad: z
    .int()
    .min(0)
    .default(0)
    .describe('Maximum random shift of an image in each direction, in pixels; the border is black.'),
  flip: z.boolean().default(false).describe('Flips half of the images horizontally; not for digits or letters.'),
  randomOperations: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Number of RandAugment operations (Cubuk et al., 2020) drawn for each image: rotations, shears, shifts, tones; 0 for none.',
    ),
  randomMagnitude: z.number().min(0).max(10).default(9).describe('Magnitude of these operations, from 0 to 10.'),
  mixup: z
    .number()
    .min(0)
    .default(0)
    .describe('Alpha of Mixup (Zhang et al., 2018): two images and their labels are blended; 0 turns it off.'),
  cutmix: z
    .number()
    .min(0)
    .default(0)
    .describe('Alpha of CutMix (Yun et al., 2019): a rectangle is replaced by one from another image; 0 turns it off.'),
  mixProbability: probability
    .default(1)
    .describe('Share of the batches that are mixed, if mixup or cutmix is on; with both, one is drawn for each batch.'),
  labelSmoothing: probability
    .default(0.1)
    .describe('Label smoothing: share of the label that is spread over all classes (Szegedy et al., 2016).'),
});
export type AugmentConfig = z.infer<typeof AugmentConfig>;
