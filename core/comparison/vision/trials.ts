import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Tensor } from '@tensorflow/tfjs-core';
import { EvaluationImages, TrainingImages } from '../../data/images/batches';
import type { ImageSet } from '../../data/images/image-set';
import { measureNormalization, type Normalization } from '../../data/images/pixels';
import type { ImageData } from '../../data/images/source';
import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { createRuntime } from '../../engine/runtime/create';
import type { RunContext } from '../../experiments/method';
import { variantName } from '../../protocol/grouping';
import type { Copied } from '../../models/save';
import { asStored } from '../../models/stored';
import { saveVit } from '../../models/vit/checkpoint';
import { patchCount } from '../../models/vit/config';
import { flopsPerImage } from '../../models/vit/cost';
import { ImageEvaluator } from '../../models/vit/evaluate';
import { countVitParameters } from '../../models/vit/layout';
import { runComparison } from '../run';
import type { Clock } from '../speed/clock';
import type { Subject } from '../speed/protocol';
import { seedsFrom, variantsBySeeds, type Workplace } from '../trial';
import { visionOutcome, type VariantRecord, type VisionOutcome } from './artifacts';
import type { VisionRecipe } from './config';
import { visionResult, visionResults } from './results';
import { stepsOf } from './steps';
import type { VisionVariant } from './variant';
import { imageMetrics, trainVit, type VitTraining } from '../../training/train-vit';

export interface VisionTrials {
  readonly recipe: VisionRecipe;
  readonly context: RunContext;
  readonly variants: readonly VisionVariant[];
  readonly train: ImageSet;
  readonly heldOut: ImageSet;
  readonly normalization: Normalization;
  /** Config text and extra files from the folder that the models start from. */
  readonly copied: Copied;
  /** Called after each evaluation during training. */
  readonly watch?: (
    variant: VisionVariant,
    seed: number,
    epochOf: (step: number) => number,
  ) => VitTraining['onEvaluated'];
}

/** Reads the images, checking every one, and measures their normalization. */
export async function prepareImages(
  data: ImageData,
  side: number,
  context: RunContext,
): Promise<Pick<VisionTrials, 'train' | 'heldOut' | 'normalization'>> {
  context.emit({ type: 'phase', name: 'data', title: l10n.t('Reading the images') });
  const { train, heldOut } = await data.prepare({
    cacheDir: context.cacheDir,
    side,
    signal: context.signal,
    log: (text) => {
      context.log(text);
    },
    onProgress: (done, total) => {
      context.emit({ type: 'progress', done, total, unit: 'images', label: 'data' });
    },
  });
  context.log(`${train.size} images of ${train.classes.length} classes for training, ${heldOut.size} for evaluation`);
  return { train, heldOut, normalization: await measureNormalization(train, side) };
}

/** Trains every variant with every seed with the same recipe, then times them in turns. */
export async function runVisionComparison(shared: VisionTrials): Promise<void> {
  const { recipe, context, variants, train, heldOut } = shared;
  const common = {
    facts: { epochs: recipe.epochs, trainImages: train.size, heldOutImages: heldOut.size },
    variants: variants.map(recordOf),
  };
  const seeds = seedsFrom(context.seed, recipe.seeds);
  await runComparison({
    context,
    outcome: visionOutcome,
    trials: variantsBySeeds(variants, seeds, (...trial) => runTrial(shared, ...trial)),
    clock: clockOf(shared),
    results: (collected) => visionResults({ ...common, ...collected }),
    headline: (collected) => {
      const values = visionResult({ ...common, ...collected });
      return values && { step: stepsOf(recipe, train.size), values };
    },
  });
}

function recordOf({ name, series, role, config, plan, evaluationSkip }: VisionVariant): VariantRecord {
  const skip = plan?.skip;
  return {
    name,
    series,
    role,
    attention: variantName(config.grouping),
    heads: { grouping: config.grouping, headDim: config.headDim, hidden: config.hidden, layers: config.layers },
    parameters: countVitParameters(config),
    flopsPerImage: flopsPerImage(config, evaluationSkip),
    trainingFlopsPerImage: flopsPerImage(config, skip),
    ...(skip && { skip: { ...skip, patches: patchCount(config), whenUsed: evaluationSkip !== undefined } }),
  };
}

/** Trains and evaluates one model, and keeps it if the spec asks for it. */
async function runTrial(
  shared: VisionTrials,
  variant: VisionVariant,
  seed: number,
  { context, training: place }: Workplace,
): Promise<VisionOutcome> {
  const { recipe, train, heldOut, normalization, copied } = shared;
  const { training } = recipe;
  const phase = `${variant.name}/seed-${seed}`;
  context.emit({ type: 'phase', name: phase, title: l10n.t`Training ${variant.name}, seed ${seed}` });
  const { config, json } = variant;
  const shape = { batchSize: training.batchSize, side: config.imageSize, normalization };
  const images = new TrainingImages(train, { ...shape, augment: recipe.augment, seed });
  const evaluationImages = new EvaluationImages(heldOut, shape);
  const steps = stepsOf(recipe, train.size);
  const stepsPerEpoch = images.batchesPerEpoch / training.accumulate;
  const onEvaluated = shared.watch?.(variant, seed, (step) => step / stepsPerEpoch);
  const trained = await trainVit(place, {
    phase,
    config,
    json,
    copied,
    parameters: await variant.parameters(seed),
    training,
    dropPath: recipe.dropPath,
    plan: variant.plan,
    evaluationSkip: variant.evaluationSkip,
    train: images,
    heldOut: evaluationImages,
    steps,
    evaluateEvery: Math.max(1, Math.round(recipe.evaluateEvery * stepsPerEpoch)),
    ...(onEvaluated && { onEvaluated }),
    seed,
  });
  // The model is evaluated as stored, including rounding.
  const parameters = asStored(trained.parameters, recipe.dtype);
  const score = await scoreOf(context, variant, parameters, evaluationImages);
  context.log(`${phase}: ${(100 * score.accuracy).toFixed(2)} % accuracy`);
  const keeps = recipe.keep === 'all' || (recipe.keep === 'first' && seed === context.seed);
  const name = `${variant.name}-seed-${seed}`;
  const metrics = imageMetrics(score);
  if (keeps) {
    await saveVit(path.join(context.checkpointsDir, name), {
      ...copied,
      config,
      json,
      parameters,
      normalization,
      dtype: recipe.dtype,
      meta: { kind: 'model', step: steps, phase, metrics },
    });
    context.emit({ type: 'checkpoint', name, step: steps, metrics });
  } else context.emit({ type: 'metrics', step: 0, phase: `result/${phase}`, values: metrics });
  return {
    steps,
    accuracy: score.accuracy,
    loss: score.loss,
    ...(trained.imagesPerSecond !== undefined && { trainImagesPerSecond: trained.imagesPerSecond }),
    waitingShare: trained.waitingShare,
    ...(keeps && { checkpoint: name }),
  };
}

async function scoreOf(
  context: RunContext,
  { config, evaluationSkip }: VisionVariant,
  parameters: Named<HostTensor>,
  images: EvaluationImages,
) {
  const runtime = createRuntime(context.device);
  try {
    const evaluator = new ImageEvaluator(runtime, config, evaluationSkip);
    return await evaluator.score(runtime.upload<Named<Tensor>>(parameters), images, context.signal);
  } finally {
    await runtime.dispose();
  }
}

/** Undefined if speed is not measured. */
function clockOf({ recipe, context, variants }: VisionTrials): Clock | undefined {
  const { speedRounds: rounds, training } = recipe;
  const baseline = variants.find(({ role }) => role === 'baseline');
  if (rounds === 0 || !baseline) return undefined;
  const { batchSize } = training;
  const subjectOf = ({ json, plan, evaluationSkip }: VisionVariant): Subject => ({
    json,
    batchSize,
    device: context.device,
    skip: plan?.skip,
    skipWhenUsed: evaluationSkip,
  });
  return {
    rounds,
    batchSize,
    baseline: subjectOf(baseline),
    variants: variants.map((variant) => ({ name: variant.name, subject: subjectOf(variant) })),
  };
}
