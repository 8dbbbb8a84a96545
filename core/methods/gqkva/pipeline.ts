import { openImages } from '../../data/images/source';
import type { RunContext } from '../../experiments/method';
import { leftBehind } from '../../models/save';
import { startOf } from '../../comparison/vision/start';
import { prepareImages, runVisionComparison } from '../../comparison/vision/trials';
import type { GqkvaConfig } from './config';
import { variantsOf } from './variants';

/**
 * Trains a vision transformer with several kinds of attention, in which groups of heads share queries, keys and values
 * (GQKVA, arXiv 2311.03426), with the same recipe, and compares size, speed and accuracy.
 */
export async function runGqkva(config: GqkvaConfig, context: RunContext): Promise<void> {
  const data = await openImages(config.data, context.baseDir);
  const start = await startOf(config.model, data, context.baseDir);
  for (const line of leftBehind(start.copied)) context.log(line);
  const variants = variantsOf(config, start);
  await runVisionComparison({
    recipe: config,
    context,
    variants,
    copied: start.copied,
    ...(await prepareImages(data, start.config.imageSize, context)),
  });
}
