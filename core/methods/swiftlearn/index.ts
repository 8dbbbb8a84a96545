import type { Method } from '../../experiments/method';
import { decoderFolder, encoderFolder } from '../../models/embedded';
import { modelFolder } from '../../comparison/vision/start';
import { formerRange } from '../../comparison/vision/skip-range';
import { RESULTS } from '../../comparison/results-file';
import { plannedBySeeds, seedsFrom } from '../../comparison/trial';
import { IMPORTANCE } from './artifacts';
import { SwiftLearnConfig } from './config';
import { variantsOf } from './variants';
import { planOf } from './cost';
import { fitTo } from './fit';
import { STARTING } from './starting';
import { openTask } from './data/open-task';

export const swiftlearn: Method<SwiftLearnConfig> = {
  name: 'swiftlearn',
  title: 'Training on the samples that matter (SwiftLearn)',
  summary:
    'Trains in a fraction of the time: after a short look at everything, on the samples that the model learns from.',
  starting: STARTING,
  paths: [
    ...['texts.encoder', 'texts.data.source', 'texts.data.heldOut'],
    ...['images.model.from', 'images.data.source', 'images.data.heldOut'],
    ...['language.model', 'language.data.source'],
  ],
  artifacts: [RESULTS, IMPORTANCE],
  units: 'samples',
  errorKeys: {
    'swiftlearn.scores': 'scores',
    'swiftlearn.choices': 'choices',
    'swiftlearn.controls': 'controls',
    'swiftlearn.mixed': 'scoring',
    'swiftlearn.warmup': 'warmupEpochs',
    'swiftlearn.passes': 'warmupEpochs',
    'vision.skip-range': 'images.skip',
  },
  formerKeys: formerRange('images.skip'),
  config: SwiftLearnConfig,
  async plan(config, context) {
    const task = await openTask(config, context.baseDir);
    return planOf(config, task, variantsOf(config, task), context);
  },
  async trials(config, { baseDir, seed }) {
    return plannedBySeeds(variantsOf(config, await openTask(config, baseDir)), seedsFrom(seed, config.seeds));
  },
  memory: async (config, { baseDir }, device) => (await openTask(config, baseDir)).memory(device),
  fitTo,
  // Loaded only when it runs: lists and help need no engine.
  run: async (config, context) => (await import('./pipeline')).runSwiftLearn(config, context),
  parents: ({ texts, images, language }, { baseDir }) => [
    ...(texts ? [encoderFolder(texts.encoder, baseDir)] : []),
    ...(images ? modelFolder(images.model, baseDir) : []),
    ...(language ? [decoderFolder(language.model, baseDir)] : []),
  ],
  fingerprint: async (config, { baseDir }) => (await openTask(config, baseDir)).fingerprint(),
};
