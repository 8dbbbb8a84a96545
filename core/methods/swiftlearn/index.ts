import type { Method } from '../../experiments/method';
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
          epochs: 8,
          warmupEpochs: 2,
          seeds: 1,
          'training.learningRate': 0.002,
        },
      },
    ],
  },
  config: SwiftLearnConfig,
  async plan(config, context) {
    const task = await openTask(config, context.baseDir);
    return planOf(config, task, contestantsOf(config, task));
  },
  // Loaded when it runs: lists and help need no engine.
  run: async (config, context) => (await import('./pipeline')).runSwiftLearn(config, context),
  parents: (config, { baseDir }) => (config.images ? modelFolder(config.images.model, baseDir) : []),
  fingerprint: async (config, { baseDir }) => (await openTask(config, baseDir)).fingerprint(),
};
