import * as z from 'zod';
import { TextDataConfig } from '../../data/text/config';
import { TrainingConfig } from '../../training/config';

const kinds = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;

const Schedule = z.strictObject({
  by: z
    .enum(['ratio', 'parameters', 'rank'])
    .default('ratio')
    .describe(
      "What the values are: 'ratio', the share of the parent's linear parameters that a member keeps; 'parameters', its total " +
        "number of parameters; 'rank', the rank of every layer.",
    ),
  values: z
    .array(z.number().positive())
    .min(1)
    .default([0.75, 0.6, 0.5, 0.4])
    .describe('One value per member, largest first: each member is made from the one before.'),
});

const Layers = z.strictObject({
  kinds: z
    .array(z.enum(kinds))
    .min(1)
    .default([...kinds])
    .describe(
      'Which linear layers of a block are factored; the paper factors the fully connected layers, attention included.',
    ),
  skipBlocks: z.array(z.int().nonnegative()).default([]).describe('Blocks (from 0) whose layers are not factored.'),
});

const Distillation = z.strictObject({
  weight: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Share of the loss that follows the parent's predictions; 0 for none, as in the paper."),
  temperature: z
    .number()
    .positive()
    .default(1)
    .describe('Temperature that softens both distributions (Hinton et al., 2015).'),
});

const Controls = z.strictObject({
  truncation: z.boolean().default(true).describe('Also truncate the parent straight to each size, without training.'),
  oneShot: z
    .enum(['none', 'last', 'all'])
    .default('last')
    .describe(
      'Also truncate the parent straight to a size and train on as many tokens as the member of that size has seen: for the last member, for all but the first (which is a one-shot itself), or not.',
    ),
});

const Evaluation = z.strictObject({
  tokens: z
    .int()
    .positive()
    .default(50_000)
    .describe('Maximum number of held-out tokens that a model is evaluated on, spread evenly over the held-out text.'),
  tasks: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Multiple-choice tasks: JSONL files with context, choices and gold, as lm-eval-harness writes them; relative to the spec.',
    ),
  cloze: z
    .int()
    .nonnegative()
    .default(100)
    .describe('Number of questions made from the held-out text: which of four sentences comes next. 0 for none.'),
  speed: z.boolean().default(true).describe('Measure the tokens per second of generation.'),
});

const Calibration = z.strictObject({
  blocks: z
    .int()
    .positive()
    .default(64)
    .describe(
      'Blocks of data.blockLength tokens, drawn from the training text, on which the model is run to see what its layers work with.',
    ),
});

export const PlrdConfig = z.object({
  parent: z
    .string()
    .min(1)
    .default('embedded:parent')
    .describe(
      "The model to start from: 'embedded:parent', or a Hugging Face folder (Llama, Mistral, Qwen2; a member of an earlier run continues its family), relative to the spec.",
    ),
  data: TextDataConfig.prefault({}).describe('The text to train on after each decomposition, with a part held out.'),
  schedule: Schedule.prefault({}).describe('The sizes of the family.'),
  layers: Layers.prefault({}).describe('Which layers are factored.'),
  decomposition: z
    .enum(['plain', 'whitened', 'fisher'])
    .default('plain')
    .describe(
      "Which error a truncation keeps small: 'plain', that of the weights (as in the paper); 'whitened', that of the layer's outputs on the calibration text; 'fisher', that of the loss, to second order, on the same text.",
    ),
  calibration: Calibration.prefault({}).describe(
    'The text for decompositions other than plain, and for measured ranks.',
  ),
  allocation: z
    .enum(['uniform', 'energy', 'sensitivity'])
    .default('uniform')
    .describe(
      "How a member's parameters are shared among its layers: 'uniform', the same ratio for each (as in the paper); 'energy', where they keep most of the spectrum; 'sensitivity', where truncating a layer alone was measured to harm the model most.",
    ),
  rankMultiple: z
    .int()
    .positive()
    .default(8)
    .describe(
      'Ranks are rounded to multiples of this, except in a schedule of ranks: 64 or 128 suits large models on a GPU.',
    ),
  variant: z
    .enum(['exact', 'paper'])
    .default('exact')
    .describe(
      "How a factored layer is decomposed again: 'paper' truncates its second factor; 'exact' truncates the product (QR, then SVD), whose error in the weights is never larger.",
    ),
  tokensPerStep: z
    .int()
    .positive()
    .default(250_000)
    .describe('Training tokens after each decomposition (the paper: 250 million).'),
  train: z
    .enum(['all', 'linear'])
    .default('all')
    .describe("What is trained after each decomposition: 'all' parameters, or the 'linear' layers only."),
  training: TrainingConfig.extend({ learningRate: TrainingConfig.shape.learningRate.default(5e-4) })
    .prefault({})
    .describe('Optimizer and batch.'),
  distillation: Distillation.prefault({}).describe("Distillation from the parent's predictions."),
  controls: Controls.prefault({}).describe('The controls that the progressive family is compared with.'),
  evaluation: Evaluation.prefault({}).describe('How members are evaluated.'),
  dtype: z.enum(['F32', 'F16', 'BF16']).default('F16').describe('Number format of the members on disk.'),
});
export type PlrdConfig = z.infer<typeof PlrdConfig>;
