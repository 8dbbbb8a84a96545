import { factorNames, fullName, type LinearLayer } from '../../../models/decoder/layout';
import type { TrainingContext } from '../../../training/context';
import { trainDecoder, type TrainedDecoder } from '../../../training/train-decoder';
import type { PlrdConfig } from '../config';
import type { Family, Task, Untrained } from '../family';
import { sizesOf, type Stage } from '../stages';
import { sizeDraw } from './nested-draw';
import { asTeacher, needsParent, nestedLoss, recoveryLoss } from './recovery-loss';

/** Continued pre-training after a decomposition: of the model, or of all sizes of a nested one. */
export function recover(
  family: Family,
  stage: Stage,
  { name, seed }: Task,
  { model, sizes }: Untrained,
  training: TrainingContext,
): Promise<TrainedDecoder> {
  const { config, parent, evalSet, layers } = family;
  const { distillation, nested, progressive } = config;
  const { steps } = stage;
  const isNested = sizes.length > 0;
  const trains = isTrained(config.train, layers);
  const entries = Object.entries(model.parameters);
  const isOneSpan = stage.kind === 'member' && progressive.learningRate === 'once';
  return trainDecoder(training, {
    phase: name,
    decoder: model.config,
    json: model.json,
    configText: model.configText,
    extraFiles: model.extraFiles,
    tokenizerPath: model.tokenizerPath,
    parameters: Object.fromEntries(entries.filter(([tensor]) => trains(tensor))),
    frozen: Object.fromEntries(entries.filter(([tensor]) => !trains(tensor))),
    companions: needsParent(distillation, isNested) ? asTeacher(parent.parameters) : {},
    loss: isNested
      ? nestedLoss(model.config, sizes, parent.config, distillation, nested)
      : recoveryLoss(model.config, parent.config, distillation),
    ...(isNested && {
      ...(nested.sizesPerStep !== 'all' && { variant: sizeDraw(nested, sizes.length, seed) }),
      sizes: sizesOf(config, parent.config, layers).map(({ label }, i) => ({ label, ranks: sizes[i]! })),
    }),
    training: config.training,
    train: family.train(seed),
    heldOut: evalSet.heldOut,
    blockLength: config.data.blockLength,
    steps,
    ...(isOneSpan && { learningRateOver: { before: stage.offset, total: stage.familySteps } }),
    dataOffset: stage.offset,
    evaluateEvery: Math.max(LEAST_STEPS_BETWEEN_EVALUATIONS, Math.ceil(steps / 4)),
    // All sizes of a nested model together take as long as another model.
    evaluateShare: Math.min(0.1, evalSet.share) / Math.max(1, sizes.length),
  });
}

/** Whether a tensor of the model is trained. @param layers that are decomposed */
export function isTrained(train: PlrdConfig['train'], layers: readonly LinearLayer[]): (tensor: string) => boolean {
  const trainable = new Set(
    layers.flatMap((layer) => [fullName(layer.name), `${layer.name}.bias`, ...Object.values(factorNames(layer.name))]),
  );
  return (tensor) => train === 'all' || trainable.has(tensor);
}

/** Short trainings should not spend a third of their time on showing how they go. */
const LEAST_STEPS_BETWEEN_EVALUATIONS = 20;
