import type { Method } from '../../experiments/method';
import { decoderFolder, encoderFolder } from '../pretrain/embedded';
import { modelFolder } from '../vision/start';
import { SwiftLearnConfig } from './config';
import { contestantsOf } from './contestants';
import { openTask } from './task';
import { planOf } from './cost';

export const swiftlearn: Method<SwiftLearnConfig> = {
  name: 'swiftlearn',
  title: 'Training on the samples that matter (SwiftLearn)',
  summary:
    'Trains in a fraction of the time: after a short look at everything, on the samples that the model learns from.',
  starting: {
    data: { key: 'images.data.source', embedded: 'embedded:digits' },
    budgets: [
      {
        label: 'A first look',
        detail: 'A small model on small images, one seed: minutes on a laptop',
        values: {
          'images.model.hidden_size': 64,
          'images.model.intermediate_size': 128,
          'images.model.num_hidden_layers': 4,
          'images.model.num_attention_heads': 4,
          'images.model.patch_size': 7,
          'images.model.image_size': 28,
          'images.model.initializer_range': 0.15,
          keep: [0.3],
          epochs: 10,
          warmupEpochs: 3,
          seeds: 1,
          'training.batchSize': 64,
          'training.learningRate': 0.003,
        },
      },
      {
        label: 'As large as SkipViT and GQKVA',
        detail: 'ViT-small on images of 224 x 224, three seeds: a GPU, and hours to days',
        values: {
          'images.model.image_size': 224,
          'images.augment.crop': 0.08,
          'images.augment.flip': true,
          keep: [0.3],
          epochs: 100,
          warmupEpochs: 20,
          selectEvery: 20,
          'training.batchSize': 128,
        },
      },
    ],
  },
  config: SwiftLearnConfig,
  async plan(config, context) {
    const task = await openTask(config, context.baseDir);
    return planOf(config, task, contestantsOf(config, task), context);
  },
  // Loaded when it runs: lists and help need no engine.
  run: async (config, context) => (await import('./pipeline')).runSwiftLearn(config, context),
  parents: ({ texts, images, language }, { baseDir }) => [
    ...(texts ? [encoderFolder(texts.encoder, baseDir)] : []),
    ...(images ? modelFolder(images.model, baseDir) : []),
    ...(language ? [decoderFolder(language.model, baseDir)] : []),
  ],
  fingerprint: async (config, { baseDir }) => (await openTask(config, baseDir)).fingerprint(),
};
