import { availableParallelism } from 'node:os';
import * as l10n from '@vscode/l10n';
import { countVitParameters } from '../../models/vit/layout';
import type { Plan, PlanContext } from '../../experiments/method';
import { flopsPerImage } from '../../models/vit/cost';
import { patchCount, type VitConfig } from '../../models/vit/config';
import { noiseStages } from '../../data/label-noise';
import type { ImageData } from '../../data/images/source';
import { RESUMABLE_BYTES } from '../../training/config';
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
    memoryBytes: Math.max(...variants.map(({ config }) => memoryOf(config, training.batchSize))),
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

/**
 * Peak memory of training, in bytes: parameters and two moments in two sets of buffers each, the gradients, and the
 * activations for the backward pass.
 */
export function memoryOf(config: VitConfig, batchSize: number): number {
  const tokens = patchCount(config) + 1;
  const perToken = 8 * config.hidden + 3 * config.intermediate + 2 * config.grouping.heads * tokens;
  return 4 * (7 * countVitParameters(config) + batchSize * tokens * config.layers * perToken);
}
