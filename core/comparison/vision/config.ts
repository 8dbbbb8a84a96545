import * as z from 'zod';
import { AugmentConfig, ImageDataConfig } from '../../data/images/config';
import { TrainingConfig } from '../../training/config';

/** The vision transformer to train: keys of a Hugging Face `config.json`, or a folder that has one. */
export const VisionModel = z.strictObject({
  from: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A Hugging Face folder of a ViT or DeiT to train on, relative to the spec; of the other keys, only image_size is used then. Without it, the model is trained from scratch.',
    ),
  hidden_size: z.int().positive().default(384).describe('Width of the residual stream. 384 is ViT-small.'),
  intermediate_size: z.int().positive().default(1536).describe('Width inside the MLP.'),
  num_hidden_layers: z.int().positive().default(12).describe('Transformer blocks.'),
  num_attention_heads: z.int().positive().default(6).describe('Attention heads.'),
  patch_size: z.int().positive().default(16).describe('Side of a patch, in pixels.'),
  image_size: z
    .int()
    .positive()
    .optional()
    .describe(
      'Side of the square that the model sees, in pixels; a multiple of patch_size. Default: 224, or that of the model it starts from.',
    ),
  initializer_range: z
    .number()
    .positive()
    .default(0.02)
    .describe('Standard deviation of initial weights. Widths below a hundred learn faster with about 0.1.'),
});
export type VisionModel = z.infer<typeof VisionModel>;

/** Settings of every method that trains vision transformers: one recipe for all variants. */
export const visionRecipe = {
  model: VisionModel.prefault({}).describe('The vision transformer.'),
  data: ImageDataConfig.prefault({}).describe('The labeled images, with a part held out.'),
  augment: AugmentConfig.prefault({}).describe('Augmentation of training images and their labels.'),
  epochs: z.number().positive().default(30).describe('Epochs of each training.'),
  training: TrainingConfig.extend({
    batchSize: TrainingConfig.shape.batchSize.default(64),
    learningRate: TrainingConfig.shape.learningRate.default(5e-4),
    weightDecay: TrainingConfig.shape.weightDecay.default(0.05),
    beta2: TrainingConfig.shape.beta2.default(0.999),
  })
    .prefault({})
    .describe('Optimizer and batch.'),
  dropPath: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('Stochastic depth: probability of skipping the last block for an image; lower for earlier blocks.'),
  seeds: z
    .int()
    .positive()
    .default(3)
    .describe(
      'Number of times that each variant is trained, with consecutive seeds that start at the seed of the spec.',
    ),
  evaluateEvery: z.number().positive().default(1).describe('Epochs between evaluations on the held-out images.'),
  speedRounds: z
    .int()
    .nonnegative()
    .default(10)
    .describe(
      'Steps for which each variant is timed, in turns with the baseline and in separate processes; 0 skips speed and memory.',
    ),
  keep: z
    .enum(['all', 'first', 'none'])
    .default('first')
    .describe("Which finished models are kept as checkpoints: 'all', those of the 'first' seed, or 'none'."),
  dtype: z.enum(['F32', 'F16', 'BF16']).default('F16').describe('Number format of the kept models on disk.'),
} as const;

export type VisionRecipe = z.infer<z.ZodObject<typeof visionRecipe>>;
