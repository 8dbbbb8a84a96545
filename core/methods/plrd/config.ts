import * as z from 'zod';
import { TextDataConfig } from '../../data/text/config';
import { TrainingConfig } from '../../training/config';

const kinds = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;

/** The ways to make a family. */
export const FAMILIES = ['nested', 'progressive'] as const;

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

const Nested = z.strictObject({
  sizesPerStep: z
    .enum(['all', 'split', 'one', 'sandwich'])
    .default('all')
    .describe(
      "'all': each step trains every size, each on its share of the sequences; 'split': the smallest size on one half of them, and a size that is drawn on the other; 'one': only the size that is drawn; 'sandwich': the largest, the smallest and the one that is drawn (Yu & Huang, 2019), at three times the cost, so a third as many steps.",
    ),
  shares: z
    .array(z.number().positive())
    .optional()
    .describe(
      "If each step trains all sizes, each size's share of the sequences, otherwise how often it is drawn; largest first, only the proportions count. Default: of the sequences, three times as many for the largest and the smallest as for those between; equal draws.",
    ),
});

const Progressive = z.strictObject({
  learningRate: z
    .enum(['restart', 'once'])
    .default('restart')
    .describe(
      "'restart': the learning rate warms up and decays for each member; 'once': it does so once, over all members.",
    ),
  shares: z
    .array(z.number().positive())
    .optional()
    .describe(
      "How the family's training is divided among its members, largest first; only the proportions count. Default: equally.",
    ),
});

const Distillation = z.strictObject({
  weight: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Share of the loss that follows the teacher; the rest follows the text. 0 for no teacher, as in the paper.',
    ),
  hidden: z
    .number()
    .min(0)
    .lt(1)
    .default(0.95)
    .describe(
      'Of what follows the teacher, the share that compares hidden states after each block (Jiao et al., 2020); the rest compares predictions, from which alone the final norm and the output head learn.',
    ),
  temperature: z
    .number()
    .positive()
    .default(1)
    .describe('Temperature that softens both distributions (Hinton et al., 2015).'),
  teacher: z
    .enum(['parent', 'largest'])
    .default('parent')
    .describe(
      "The teacher: 'parent', or, in a nested family, the 'largest' size of the model that is being trained (Yu & Huang, 2019). The largest size itself learns from the text alone. Models that have no largest size learn from the parent.",
    ),
});

const Controls = z.strictObject({
  truncation: z.boolean().default(true).describe('Also truncate the parent straight to each size, without training.'),
  oneShot: z
    .enum(['none', 'last', 'all'])
    .default('last')
    .describe(
      'Also spend on one size alone what the whole family costs: truncate the parent to it and train. For the smallest size, for all of them, or not.',
    ),
  oneShotFamily: z
    .boolean()
    .default(true)
    .describe(
      'Also make a family of separate models: truncate the parent to each size and spend an equal share of what the family costs on it.',
    ),
  match: z
    .enum(['cost', 'tokens', 'seen'])
    .default('cost')
    .describe(
      "What controls have in common with the family: its training 'cost' in operations, the teacher's included; its training 'tokens'; or the tokens that the member of the same size has 'seen' when it is done, as in Winnow before 0.2.",
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
  families: z
    .array(z.enum(FAMILIES))
    .min(1)
    .default(['nested'])
    .describe(
      "How the family is made: 'nested', one model whose leading components are the smaller members, trained once; 'progressive', each member from the one before (the paper). Several are compared; controls are matched to the first.",
    ),
  nested: Nested.prefault({}).describe('How a nested family is trained.'),
  progressive: Progressive.prefault({}).describe('How a progressive family is trained.'),
  layers: Layers.prefault({}).describe('Which layers are factored.'),
  decomposition: z
    .enum(['plain', 'whitened', 'fisher'])
    .default('whitened')
    .describe(
      "Which error a truncation keeps small: 'plain', that of the weights (as in the paper); 'whitened', that of the layer's outputs on the calibration text; 'fisher', that of the loss, to second order, on the same text.",
    ),
  calibration: Calibration.prefault({}).describe(
    'The text for decompositions other than plain, and for measured ranks.',
  ),
  allocation: z
    .enum(['uniform', 'energy', 'sensitivity'])
    .default('sensitivity')
    .describe(
      "How a member's parameters are shared among its layers: 'uniform', the same ratio for each (as in the paper); 'energy', where they keep most of the spectrum; 'sensitivity', where truncating a layer alone was measured to harm the model most. A schedule of ranks leaves nothing to share.",
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
    .describe(
      'Training tokens per member: after each decomposition of a progressive family (the paper: 250 million); a nested family trains on as many in all.',
    ),
  train: z
    .enum(['all', 'linear'])
    .default('all')
    .describe("What is trained after each decomposition: 'all' parameters, or the 'linear' layers only."),
  training: TrainingConfig.extend({ learningRate: TrainingConfig.shape.learningRate.default(1e-3) })
    .prefault({})
    .describe('Optimizer and batch.'),
  seeds: z
    .int()
    .positive()
    .default(1)
    .describe(
      'Number of seeds that each model is trained with: seed, seed + 1, … Results are means, with their spread.',
    ),
  distillation: Distillation.prefault({}).describe('Distillation: what training learns from a larger model.'),
  controls: Controls.prefault({}).describe('The controls that the family is compared with.'),
  evaluation: Evaluation.prefault({}).describe('How members are evaluated.'),
  dtype: z.enum(['F32', 'F16', 'BF16']).default('F16').describe('Number format of the members on disk.'),
});
export type PlrdConfig = z.infer<typeof PlrdConfig>;

/** A schedule of ranks gives every layer its rank: there is nothing to measure. */
export const withSettledRanks = (config: PlrdConfig): PlrdConfig =>
  config.schedule.by === 'rank' && config.allocation === 'sensitivity' ? { ...config, allocation: 'uniform' } : config;
