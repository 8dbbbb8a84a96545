import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import { EvaluationImages, TrainingImages } from '../../data/images/batches';
import type { ImageSet } from '../../data/images/image-set';
import { measureNormalisation, type Normalisation } from '../../data/images/pixels';
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
import { readSealed, writeSealed } from '../../sealed-file';
import { forgetTraining } from '../../training/last';
import {
  COMPARISON,
  comparison,
  COMPARISON_FILE,
  type Comparison,
  type ContenderRecord,
  type TrialRecord,
} from './artifacts';
import type { VisionRecipe } from './config';
import type { Contender } from './contender';
import type { Subject } from '../speed/protocol';
import { timeInTurns } from '../speed/stopwatch';
import { stepsOf } from './steps';
import { describeTrials, resultOf } from './summary';
import { imageMetrics, trainVit, type VitTraining } from '../../training/train-vit';

/** What all trainings of a run share. */
export interface Trials {
  readonly recipe: VisionRecipe;
  readonly context: RunContext;
  readonly contenders: readonly Contender[];
  readonly train: ImageSet;
  readonly heldOut: ImageSet;
  readonly normalisation: Normalisation;
  /** What the models take from the folder that they start from. */
  readonly copied: Copied;
  /** Looks at a model after each evaluation of its training. */
  readonly watch?: (
    contender: Contender,
    seed: number,
    epochOf: (step: number) => number,
  ) => VitTraining['onEvaluated'];
}

/** Reads the images and looks at every one of them. */
export async function prepareImages(
  data: ImageData,
  side: number,
  context: RunContext,
): Promise<Pick<Trials, 'train' | 'heldOut' | 'normalisation'>> {
  context.emit({ type: 'phase', name: 'data', title: 'Reading the images' });
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
  return { train, heldOut, normalisation: await measureNormalisation(train, side) };
}

/**
 * Trains every contender with every seed under one recipe, then times them in turns. Each finished training is in
 * `artifacts/tradeoff.json`, so a resumed run goes on with the first that is missing. Seeds are the outer loop: after the
 * first there is a whole comparison to look at.
 */
export async function runTrials(trials: Trials): Promise<Comparison> {
  const { recipe, context, contenders } = trials;
  const made = await readComparison(context.artifactsDir);
  let state: Comparison = {
    version: 1,
    kind: 'vision',
    epochs: recipe.epochs,
    trainImages: trials.train.size,
    heldOutImages: trials.heldOut.size,
    contenders: contenders.map(recordOf).map((record) => {
      const speed = made?.contenders.find(({ name }) => name === record.name)?.speed;
      return speed ? { ...record, speed } : record;
    }),
    trials: made?.trials ?? [],
  };
  const record = async (next: Comparison) => {
    state = next;
    const file = path.join(context.artifactsDir, COMPARISON_FILE);
    await writeSealed(file, comparison.parse(state));
    context.emit({ type: 'artifact', name: COMPARISON_FILE, kind: COMPARISON.kind });
  };
  for (let i = 0; i < recipe.seeds; i++)
    for (const contender of contenders) {
      const seed = context.seed + i;
      if (state.trials.some((trial) => trial.contender === contender.name && trial.seed === seed)) continue;
      context.signal.throwIfAborted();
      await record({ ...state, trials: [...state.trials, await runTrial(trials, contender, seed)] });
    }
  await timeAll(trials, () => state, record);
  await forgetTraining(context);
  for (const line of describeTrials(state)) context.log(line);
  const result = resultOf(state);
  if (result) context.emit({ type: 'result', step: stepsOf(recipe, trials.train.size), values: result });
  return state;
}

function recordOf({ name, series, role, config, plan, skipWhenJudged }: Contender): ContenderRecord {
  const skip = plan?.skip;
  return {
    name,
    series,
    role,
    attention: variantName(config.grouping),
    heads: { grouping: config.grouping, headDim: config.headDim, hidden: config.hidden, layers: config.layers },
    parameters: countVitParameters(config),
    flopsPerImage: flopsPerImage(config, skipWhenJudged),
    trainingFlopsPerImage: flopsPerImage(config, skip),
    ...(skip && { skip: { ...skip, patches: patchCount(config), whenUsed: skipWhenJudged !== undefined } }),
  };
}

/** Trains, judges and, where it is asked for, keeps one model. */
async function runTrial(trials: Trials, contender: Contender, seed: number): Promise<TrialRecord> {
  const { recipe, context, train, heldOut, normalisation, copied } = trials;
  const { training } = recipe;
  const phase = `${contender.name}/seed-${seed}`;
  context.emit({ type: 'phase', name: phase, title: `Training ${contender.name}, seed ${seed}` });
  const { config, json } = contender;
  const shape = { batchSize: training.batchSize, side: config.imageSize, normalisation };
  const images = new TrainingImages(train, { ...shape, augment: recipe.augment, seed });
  const judged = new EvaluationImages(heldOut, shape);
  const steps = stepsOf(recipe, train.size);
  const stepsPerEpoch = images.batchesPerEpoch / training.accumulate;
  const onEvaluated = trials.watch?.(contender, seed, (step) => step / stepsPerEpoch);
  const trained = await trainVit(context, {
    phase,
    config,
    json,
    copied,
    parameters: await contender.parameters(seed),
    training,
    dropPath: recipe.dropPath,
    plan: contender.plan,
    skipWhenJudged: contender.skipWhenJudged,
    train: images,
    heldOut: judged,
    steps,
    evaluateEvery: Math.max(1, Math.round(recipe.evaluateEvery * stepsPerEpoch)),
    ...(onEvaluated && { onEvaluated }),
    seed,
  });
  // What is judged is what is kept, rounding included.
  const parameters = asStored(trained.parameters, recipe.dtype);
  const score = await scoreOf(trials, contender, parameters, judged);
  context.log(`${phase}: ${(100 * score.accuracy).toFixed(2)} % right`);
  const keeps = recipe.keep === 'all' || (recipe.keep === 'first' && seed === context.seed);
  const name = `${contender.name}-seed-${seed}`;
  const metrics = imageMetrics(score);
  if (keeps) {
    await saveVit(path.join(context.checkpointsDir, name), {
      ...copied,
      config,
      json,
      parameters,
      normalisation,
      dtype: recipe.dtype,
      meta: { kind: 'model', step: steps, phase, metrics },
    });
    context.emit({ type: 'checkpoint', name, step: steps, metrics });
  } else context.emit({ type: 'metrics', step: 0, phase: `result/${phase}`, values: metrics });
  return {
    contender: contender.name,
    seed,
    steps,
    accuracy: score.accuracy,
    loss: score.loss,
    ...(trained.imagesPerSecond !== undefined && { trainImagesPerSecond: trained.imagesPerSecond }),
    waitingShare: trained.waitingShare,
    ...(keeps && { checkpoint: name }),
  };
}

async function scoreOf(
  { context }: Trials,
  { config, skipWhenJudged }: Contender,
  parameters: Named<HostTensor>,
  images: EvaluationImages,
) {
  const runtime = createRuntime(context.device);
  try {
    const evaluator = new ImageEvaluator(runtime, config, skipWhenJudged);
    return await evaluator.score(runtime.upload<Named<Tensor>>(parameters), images, context.signal);
  } finally {
    await runtime.dispose();
  }
}

/** Times every contender in turns with the baseline; the baseline with itself, which shows how much is noise. */
async function timeAll(
  { recipe, context, contenders }: Trials,
  state: () => Comparison,
  record: (next: Comparison) => Promise<void>,
): Promise<void> {
  const { speedRounds, training } = recipe;
  const baseline = contenders.find(({ role }) => role === 'baseline');
  if (speedRounds === 0 || !baseline) return;
  context.emit({ type: 'phase', name: 'speed', title: 'Timing the models in turns' });
  const subjectOf = ({ json, plan, skipWhenJudged }: Contender): Subject => ({
    json,
    batchSize: training.batchSize,
    device: context.device,
    skip: plan?.skip,
    skipWhenUsed: skipWhenJudged,
  });
  for (const [i, contender] of contenders.entries()) {
    if (state().contenders[i]?.speed) continue;
    context.signal.throwIfAborted();
    const times = await timeInTurns(subjectOf(baseline), subjectOf(contender), speedRounds, context.signal);
    const speed = {
      batchSize: training.batchSize,
      rounds: speedRounds,
      trainSecondsPerImage: times.train / training.batchSize,
      inferenceSecondsPerImage: times.infer / training.batchSize,
      trainGain: times.trainGain,
      inferenceGain: times.inferGain,
      memoryBytes: times.memoryBytes,
    };
    const timed = state().contenders.map((one) => (one.name === contender.name ? { ...one, speed } : one));
    await record({ ...state(), contenders: timed });
    context.emit({ type: 'progress', done: i + 1, total: contenders.length, unit: 'models', label: 'speed' });
  }
}

/** The results so far; undefined before the first. */
const readComparison = (artifactsDir: string): Promise<Comparison | undefined> =>
  readSealed(path.join(artifactsDir, COMPARISON_FILE), comparison);
