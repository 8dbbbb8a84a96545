import { SCORES } from '../../protocol/importance';
import * as z from 'zod';
import { AugmentConfig, ImageDataConfig } from '../../data/images/config';
import { LabeledTextConfig } from '../../data/labeled/config';
import { TextDataConfig } from '../../data/text/config';
import { TrainingConfig } from '../../training/config';
import { visionRecipe } from '../../comparison/vision/config';
import { TokenSkip } from '../../comparison/vision/skip-range';
import { CHOICES } from './sampling/most-important';

/** Settings for training on images. */
const Images = z.strictObject({
  data: ImageDataConfig.prefault({}).describe('The labeled images, with a part held out.'),
  model: visionRecipe.model,
  augment: AugmentConfig.prefault({}).describe('Augmentation of training images and their labels.'),
  attention: z
    .string()
    .min(1)
    .default('MHA')
    .describe('Kind of attention: MHA, MQA, GQA-g, MKVA, GKVA-g, GQKVA-x.y, each also with +K=V.'),
  skip: TokenSkip.optional().describe('Token skipping (SkipViT). Default: none.'),
});

/** Settings for training on labeled texts. */
const Texts = z.strictObject({
  data: LabeledTextConfig.prefault({}).describe('The labeled texts, or pairs of them, with a part held out.'),
  encoder: z
    .string()
    .min(1)
    .default('embedded:encoder')
    .describe(
      "The encoder to train on: 'embedded:encoder', or a Hugging Face folder of a BERT, DistilBERT or MiniLM, relative to the spec.",
    ),
  maxLength: z
    .int()
    .min(8)
    .default(128)
    .describe(
      'Maximum sequence length of a text or pair, in tokens; longer ones are truncated at the end. At most what the encoder supports.',
    ),
});

/** Settings for training on text without labels. */
const Language = z.strictObject({
  data: TextDataConfig.prefault({}).describe(
    'The text, with a part held out; its samples are blocks of blockLength tokens, side by side.',
  ),
  model: z
    .string()
    .min(1)
    .default('embedded:parent')
    .describe(
      "The language model to train on: 'embedded:parent', or a Hugging Face folder (Llama, Mistral, Qwen2; also what an earlier run made), relative to the spec.",
    ),
});

/** How samples are selected. */
const Choice = {
  keep: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .default([0.1])
    .describe('Shares of the samples that are kept after the warm-up; each is trained. The paper: 0.1.'),
  warmupEpochs: z
    .int()
    .positive()
    .default(1)
    .describe("Epochs on all samples before the first selection. The paper's number is not public: sweep it."),
  finalEpochs: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      'Epochs on all samples at the end, which correct the bias of the selection (as in InfoBatch); 0 for none, as in the paper.',
    ),
  selectEvery: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      'Epochs after which all samples are scored and selected again, so that dropped ones can return; 0 for never.',
    ),
  scores: z
    .array(z.enum(SCORES))
    .min(1)
    .default(['el2n'])
    .describe(
      "How samples are scored; each score is trained: 'el2n', the distance of the prediction to the label; 'loss'; 'gradient' of the last layer; 'change' of the logits since the pass before; 'forgetting', how often a correct prediction became wrong. The last two are for samples with labels.",
    ),
  choices: z
    .array(z.enum(CHOICES))
    .min(1)
    .default(['highest'])
    .describe(
      "How samples are selected by score; each way is trained: 'highest' trains on the samples with the highest scores; 'drawn' samples anew in each epoch, with probabilities that increase with the scores, and weights them so that all samples count as much as before.",
    ),
  scoring: z
    .enum(['pass', 'training'])
    .default('pass')
    .describe(
      "Where scores come from: a 'pass' over all samples without training before each selection (a third of the cost of an epoch), or for free from epochs of 'training' on all samples, where the first samples are scored by an earlier model.",
    ),
  smoothing: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('Weight of earlier passes in a score; 0 uses the last pass only.'),
  skipHardest: z
    .union([z.literal('auto'), z.number().min(0).max(0.5)])
    .default('auto')
    .describe(
      "What is left out because it is probably mislabeled: 'auto' estimates how many labels are wrong, from the warm-up and every scoring pass, and leaves out those, so that fewer than 'keep' may remain; a number is the share of the samples with the very highest scores. Where labels are not classes, 'auto' leaves out nothing.",
    ),
  balanced: z.boolean().default(false).describe('Keeps the same share of every class.'),
} as const;

const InfoBatchSettings = z.strictObject({
  ratio: z.number().gt(0).lt(1).default(0.5).describe('Share of the easy samples that each epoch skips.'),
  anneal: z
    .number()
    .gt(0)
    .max(1)
    .default(0.875)
    .describe('Share of the epochs after which training uses all samples again.'),
});

const RemedySettings = z.strictObject({
  labelSmoothing: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .describe('Share of every label that label smoothing spreads over all classes.'),
  q: z
    .number()
    .gt(0)
    .max(1)
    .default(0.7)
    .describe('The q of the robust loss: 1 is the mean absolute error, towards 0 cross-entropy.'),
});

/** The controls that are trained by default. */
const USUAL = ['fewer-epochs', 'random', 'random-longer', 'infobatch', 'infobatch-shorter'] as const;
/** The usual remedies against wrong classes. */
export const REMEDIES = ['label-smoothing', 'robust-loss'] as const;
export const CONTROLS = [...USUAL, 'best-epoch', ...REMEDIES] as const;

export const SwiftLearnConfig = z.object({
  texts: Texts.optional().describe(
    'Trains a text encoder on labeled texts. Give exactly one of texts, images and language.',
  ),
  images: Images.optional().describe(
    'Trains a vision transformer on images. Give exactly one of texts, images and language.',
  ),
  language: Language.optional().describe(
    'Trains a language model further on blocks of text. Give exactly one of texts, images and language.',
  ),
  ...Choice,
  epochs: z.int().min(2).default(10).describe('Epochs of each training, regardless of how many samples an epoch has.'),
  controls: z
    .array(z.enum(CONTROLS))
    .default([...USUAL])
    .describe(
      "The controls, besides all data: 'fewer-epochs' on all data and a 'random-longer' share, which cost as much; a 'random' share with as many samples, different ones in each epoch; 'infobatch' (ICLR 2024) with as many epochs, and 'infobatch-shorter' for about the same cost, where that budget is small enough to skip anything. Against wrong labels: 'label-smoothing' and a 'robust-loss' (generalized cross-entropy, 2018) on all data, and 'best-epoch', all data stopped at its best evaluation, an oracle that needs no training of its own.",
    ),
  remedies: RemedySettings.prefault({}).describe('The settings of the remedies against wrong labels.'),
  infobatch: InfoBatchSettings.prefault({}).describe('The settings of InfoBatch.'),
  training: TrainingConfig.extend({
    batchSize: TrainingConfig.shape.batchSize.default(32),
    learningRate: TrainingConfig.shape.learningRate.default(5e-4),
    weightDecay: TrainingConfig.shape.weightDecay.default(0.05),
    beta2: TrainingConfig.shape.beta2.default(0.999),
  })
    .prefault({})
    .describe('Optimizer and batch.'),
  seeds: visionRecipe.seeds,
  evaluateEvery: z
    .int()
    .positive()
    .default(1)
    .describe('Epochs between evaluations on the held-out samples; they do not count as training time.'),
  keepModels: visionRecipe.keep,
  dtype: visionRecipe.dtype,
});
export type SwiftLearnConfig = z.infer<typeof SwiftLearnConfig>;
