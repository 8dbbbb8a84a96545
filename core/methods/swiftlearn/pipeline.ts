import { UserError } from '../../errors';
import type { RunContext } from '../../experiments/method';
import { prepareImages } from '../vision/trials';
import type { SwiftLearnConfig } from './config';
import { contestantsOf } from './contestants';
import { imageLearner } from './image-learner';
import type { Learner } from './learner';
import { openImageTask } from './task';
import { runSelectionTrials } from './trials';

/**
 * Trains on the samples that matter (SwiftLearn, arXiv 2311.15134), beside the same on all samples and beside the controls,
 * and writes down which samples those are.
 */
export async function runSwiftLearn(config: SwiftLearnConfig, context: RunContext): Promise<void> {
  const { images } = config;
  if (!images) throw new UserError('swiftlearn.no-data', 'The spec names no data.', 'Add "images": {}.');
  const { data, start, vit, json, skip } = await openImageTask(images, context.baseDir);
  const learner = imageLearner({
    ...(await prepareImages(data, vit.imageSize, context)),
    config: vit,
    json,
    augment: images.augment,
    skip,
    parameters: start.weightsOf(vit),
    batchSize: config.training.batchSize,
    side: vit.imageSize,
  });
  await compare(config, context, learner);
}

const compare = <Batch>(config: SwiftLearnConfig, context: RunContext, learner: Learner<Batch>) =>
  runSelectionTrials({ config, context, learner, contestants: contestantsOf(config, learner) });
