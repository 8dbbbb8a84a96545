import { availableParallelism } from 'node:os';
import * as l10n from '@vscode/l10n';
import { countVitParameters } from '../../models/vit/layout';
import type { Plan, PlanContext } from '../../experiments/method';
import { flopsPerImage } from '../../models/vit/cost';
import { patchCount } from '../../models/vit/config';
import type { SkipPlan } from '../../models/vit/skip';
import { noiseStages } from '../../data/label-noise';
import type { ImageData } from '../../data/images/source';
import type { StepDevice } from '../../engine/step-memory';
import { RESUMABLE_BYTES, type TrainingConfig } from '../../training/config';
import type { VisionRecipe } from './config';
import type { VisionVariant } from './variant';
import { stepsOf } from './steps';

/**
 * Fraction of a device's matrix throughput that a training step reaches; wider models spend more time in matrix products.
 * Measured on an Intel Xeon: 0.27 at a width of 64 (the digits), 0.45 at 128 (the e-mails), 0.7 at 384 (ViT-S/16).
 */
const efficiencyOf = (width: number): number => Math.min(1, (1.05 * width) / (width + 185));

/** The cost of a comparison: every variant with every seed. */
export async function planOf(
  recipe: VisionRecipe,
  data: Pick<ImageData, 'trainSize' | 'heldOutSize'>,
  variants: readonly VisionVariant[],
  { threads }: PlanContext,
): Promise<Plan> {
  const { training, seeds } = recipe;
  const steps = stepsOf(recipe, data.trainSize);
  const perStep = training.batchSize * training.accumulate;
  const images = steps * perStep;
  const evaluations = 2 + recipe.epochs / recipe.evaluateEvery;
  const work = variants.reduce((sum, { config, plan, evaluationSkip }) => {
    const trained = 3 * images * flopsPerImage(config, plan?.skip);
    return sum + seeds * (trained + evaluations * data.heldOutSize * flopsPerImage(config, evaluationSkip));
  }, 0);
  const largest = variants.reduce((most, { config }) => Math.max(most, countVitParameters(config)), 0);
  const kept = { all: seeds, first: 1, none: 0 }[recipe.keep] * variants.length;
  const bytes = recipe.dtype === 'F32' ? 4 : 2;
  return {
    stages: [
      ...noiseStages(recipe.data.labelNoise),
      ...variants.map(({ name, config, plan }) => {
        const size = (countVitParameters(config) / 1e6).toFixed(2);
        const flops = (flopsPerImage(config, plan?.skip) / 1e9).toPrecision(3);
        return plan
          ? l10n.t`${name}: ${size} M parameters, ${flops} GFLOP per image, ${plan.skip.kept} of ${patchCount(config)} patches stay`
          : l10n.t`${name}: ${size} M parameters, ${flops} GFLOP per image`;
      }),
      seeds === 1
        ? l10n.t`each trained 1 time for ${steps} steps of ${perStep} images`
        : l10n.t`each trained ${seeds} times for ${steps} steps of ${perStep} images`,
      ...(recipe.speedRounds > 0 ? [l10n.t('all timed in turns with the baseline')] : []),
    ],
    seconds: await secondsOf(work, { width: variants[0]?.config.hidden ?? 1, threads }),
    images: images * seeds * variants.length,
    diskBytes: RESUMABLE_BYTES * largest + kept * bytes * largest,
  };
}

/** Estimated seconds that this machine needs for the FLOPs of training a transformer with this width. */
export async function secondsOf(
  flops: number,
  { width, threads = availableParallelism() }: { readonly width: number; readonly threads?: number | undefined },
): Promise<number> {
  // Loaded on demand: lists and help need no engine.
  const { measureFlops } = await import('../../engine/throughput');
  return flops / (efficiencyOf(width) * (await measureFlops({ provider: 'cpu', threads })));
}

/** What the largest variant needs on its device: see `Method.memory`. */
export async function visionMemory(
  recipe: VisionRecipe,
  { trainSize }: Pick<ImageData, 'trainSize'>,
  variants: readonly VisionVariant[],
  device: StepDevice,
): Promise<(training: TrainingConfig) => number> {
  const { deviceBytes, vitMemory } = await import('../../training/model-memory');
  const { dropPath } = recipe;
  return (training) =>
    Math.max(
      ...variants.map(({ config, plan }) => {
        const kept = plan && keptIn(plan, { ...recipe, training }, trainSize);
        return deviceBytes(vitMemory({ config, training, dropPath, plan, ...(kept && { kept }) }, device), device);
      }),
    );
}

/** The numbers of patches that are kept in the steps of a training. */
function keptIn({ keptAt }: SkipPlan, recipe: VisionRecipe, trainSize: number): number[] {
  const { batchSize, accumulate } = recipe.training;
  const batches = Math.max(1, Math.floor(trainSize / batchSize));
  const steps = stepsOf(recipe, trainSize);
  return [...new Set(Array.from({ length: steps }, (_, step) => keptAt((step * accumulate) / batches)))];
}
