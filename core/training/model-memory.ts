import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy } from '../engine/ops/loss';
import type { StepDevice } from '../engine/step-memory';
import type { DecoderConfig } from '../models/decoder/config';
import type { TokenBatch } from '../models/decoder/language-model';
import { nextTokenLoss } from '../models/decoder/language-model';
import { tensorShapes } from '../models/decoder/layout';
import type { EncoderConfig } from '../models/encoder/config';
import { classifySequences, type EncoderInputs } from '../models/encoder/forward';
import { encoderTensorShapes } from '../models/encoder/layout';
import { maskedLoss, type MaskedInputs } from '../models/encoder/masked-language-model';
import { patchCount, type VitConfig } from '../models/vit/config';
import { vitTensorShapes } from '../models/vit/layout';
import type { SkipPlan } from '../models/vit/skip';
import { adamWSettings, type TrainingConfig } from './config';
import { spec, specsOf, trainingMemory, type Specs, type TrainingMemory, type TrainingShape } from './memory';
import type { LossFunction } from './steps';
import { vitLoss, type VitBatch } from './train-vit';

export { deviceBytes } from './memory';

/** Special tokens around a block of text: [CLS] and [SEP]. */
const SPECIAL_TOKENS = 2;

const recipeOf = (training: TrainingConfig) => ({
  optimizer: adamWSettings(training),
  averageDecay: training.averageDecay,
  checkpointActivations: training.checkpointActivations,
  accumulate: training.accumulate,
});

export interface DecoderMemory {
  readonly decoder: DecoderConfig;
  readonly training: TrainingConfig;
  readonly blockLength: number;
  /** Default: on the next token. */
  readonly loss?: LossFunction<TokenBatch>;
  /** Whether a tensor of the model is trained; default: all are. */
  readonly trains?: (name: string) => boolean;
  /** Tensors that the loss needs besides the model's: a teacher's. */
  readonly companions?: Specs;
  readonly variants?: TrainingShape<TokenBatch>['variants'];
  readonly evaluations?: number;
}

/** The memory of training a decoder: see `trainingMemory`. */
export function decoderMemory(options: DecoderMemory, device: StepDevice): TrainingMemory {
  const { decoder, training, blockLength, trains = () => true, companions = {}, variants, evaluations } = options;
  const shapes = [...tensorShapes(decoder)];
  const ids = spec('int32', training.batchSize, blockLength);
  return trainingMemory<TokenBatch>(
    {
      ...recipeOf(training),
      loss: options.loss ?? ((values, batch, frozen) => nextTokenLoss(decoder, { ...frozen, ...values }, batch)),
      parameters: specsOf(shapes.filter(([name]) => trains(name))),
      frozen: { ...specsOf(shapes.filter(([name]) => !trains(name))), ...companions },
      batch: { inputs: ids, targets: ids },
      ...(variants && { variants }),
      ...(evaluations !== undefined && { evaluations }),
    },
    device,
  );
}

/** The memory of training an encoder to predict masked tokens. @param maskShare of the tokens of a block */
export function maskedMemory(
  encoder: EncoderConfig,
  { training, blockLength, maskShare }: { training: TrainingConfig; blockLength: number; maskShare: number },
  device: StepDevice,
): TrainingMemory {
  const { batchSize } = training;
  const ids = spec('int32', batchSize, blockLength);
  const slots = spec('int32', batchSize * Math.max(1, Math.round(maskShare * (blockLength - SPECIAL_TOKENS))));
  return trainingMemory<MaskedInputs>(
    {
      ...recipeOf(training),
      loss: (values, batch) => maskedLoss(encoder, values, batch),
      parameters: specsOf(encoderTensorShapes(encoder, 'masked')),
      batch: { ids, mask: ids, positions: slots, targets: slots },
    },
    device,
  );
}

/** The memory of training an encoder to tell classes of sequences apart. @param tokens of a sequence */
export function classifierMemory(
  encoder: EncoderConfig,
  { training, tokens, evaluations }: { training: TrainingConfig; tokens: number; evaluations: number },
  device: StepDevice,
): TrainingMemory {
  const ids = spec('int32', training.batchSize, tokens);
  type Batch = EncoderInputs & Readonly<Record<'targets', Tensor>>;
  return trainingMemory<Batch>(
    {
      ...recipeOf(training),
      loss: (values, { targets, ...inputs }) =>
        tf.mean(crossEntropy(classifySequences(encoder, values, inputs), targets)),
      parameters: specsOf(encoderTensorShapes(encoder, 'sequence')),
      batch: { ids, mask: ids, types: ids, targets: spec('int32', training.batchSize) },
      evaluations,
    },
    device,
  );
}

export interface VitMemory {
  readonly config: VitConfig;
  readonly training: TrainingConfig;
  readonly dropPath?: number;
  readonly plan?: SkipPlan | undefined;
  /** The numbers of patches that are kept in the course of the training; default: the plan's last. */
  readonly kept?: readonly number[];
  readonly evaluations?: number;
}

/** The memory of training a vision transformer. */
export function vitMemory(options: VitMemory, device: StepDevice): TrainingMemory {
  const { config, training, dropPath = 0, plan, evaluations } = options;
  const { channels, imageSize, labels, layers } = config;
  const { batchSize } = training;
  const kept = [...new Set(options.kept ?? (plan ? [plan.skip.kept] : [0]))].sort((a, b) => a - b);
  const memoryOf = (variants: readonly number[]) =>
    trainingMemory<VitBatch>(
      {
        ...recipeOf(training),
        loss: (values, batch, _frozen, variant) => vitLoss(values, batch, variant, { config, dropPath, plan }),
        parameters: specsOf(vitTensorShapes(config)),
        batch: {
          images: spec('float32', batchSize, channels, imageSize, imageSize),
          targets: spec('float32', batchSize, labels.length),
          random: spec('float32', batchSize, patchCount(config)),
          depth: spec('float32', batchSize, 2 * layers),
        },
        variants,
        ...(evaluations !== undefined && { evaluations }),
      },
      device,
    );
  const extremes = [...new Set([kept[0]!, kept.at(-1)!])];
  const memory = memoryOf(extremes);
  if (kept.length <= 2) return memory;
  // Each number of patches is compiled separately; the memory of those between grows with it, evenly.
  return { ...memory, steps: memory.steps + ((kept.length - 2) * memory.trained) / 2 };
}
