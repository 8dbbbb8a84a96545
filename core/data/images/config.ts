import * as z from 'zod';

const probability = z.number().min(0).max(1);

/** What is done to training images, and to their labels: the `augment` part of a spec. */
export const AugmentConfig = z.strictObject({
  pad: z
    .int()
    .min(0)
    .default(0)
    .describe('Pixels by which an image is shifted at random in each direction, with black around it.'),
  flip: z.boolean().default(false).describe('Mirrors every second image, left to right; not for digits or letters.'),
  mixup: z
    .number()
    .min(0)
    .default(0)
    .describe('Alpha of Mixup (Zhang et al., 2018): images and labels of two are blended; 0 turns it off.'),
  cutmix: z
    .number()
    .min(0)
    .default(0)
    .describe('Alpha of CutMix (Yun et al., 2019): a rectangle comes from another image; 0 turns it off.'),
  mixProbability: probability
    .default(1)
    .describe('Share of the batches that are mixed, where mixup or cutmix is on; one of the two is drawn for each.'),
  labelSmoothing: probability
    .default(0.1)
    .describe('Share of the label that is spread over all classes (Szegedy et al., 2016).'),
});
export type AugmentConfig = z.infer<typeof AugmentConfig>;
