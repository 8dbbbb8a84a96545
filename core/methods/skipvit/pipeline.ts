import { openImages } from '../../data/images/source';
import type { RunContext } from '../../experiments/method';
import { leftBehind } from '../../models/save';
import { startOf } from '../../comparison/vision/start';
import { prepareImages, runVisionComparison, type VisionTrials } from '../../comparison/vision/trials';
import type { SkipVitConfig } from './config';
import { variantsOf } from './variants';
import { HeatmapRecorder } from './heatmap-recorder';

/**
 * Trains a vision transformer whose least important tokens skip some blocks (SkipViT, arXiv 2401.15293), compares it
 * with the same model without skipping and with the controls, and records which tokens are skipped.
 */
export async function runSkipVit(config: SkipVitConfig, context: RunContext): Promise<void> {
  const data = await openImages(config.data, context.baseDir);
  const start = await startOf(config.model, data, context.baseDir);
  for (const line of leftBehind(start.copied)) context.log(line);
  const variants = variantsOf(config, start);
  const images = await prepareImages(data, start.config.imageSize, context);
  await runVisionComparison({
    recipe: config,
    context,
    variants,
    copied: start.copied,
    ...images,
    watch: watcher(config, { context, recipe: config, ...images }),
  });
}

/** Records heatmaps for the first seed of every model that skips tokens by score; random skips show no pattern. */
function watcher(
  { heatmap }: SkipVitConfig,
  shared: Pick<VisionTrials, 'context' | 'heldOut' | 'normalization' | 'recipe'>,
): NonNullable<VisionTrials['watch']> {
  return (variant, seed, epochOf) => {
    const kind = variant.plan?.skip.kind;
    if (heatmap.images === 0 || seed !== shared.context.seed || kind === undefined || kind === 'random')
      return undefined;
    const recorder = new HeatmapRecorder(shared, variant, seed, heatmap.images);
    let next = 0;
    return async (runtime, model, step) => {
      const epoch = epochOf(step);
      // The last evaluation matters most, and may come before a whole interval has passed.
      if (epoch < next && epoch < shared.recipe.epochs) return;
      next = Math.floor(epoch / heatmap.every + 1) * heatmap.every;
      await recorder.add(runtime, model, step, epoch);
    };
  };
}
