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
    model: { key: 'texts.encoder', embedded: 'embedded:encoder' },
    data: { key: 'texts.data.source', embedded: 'embedded:spam' },
    budgets: [
      {
        label: 'A first look',
        detail: 'Texts of at most 64 tokens, one seed: minutes on a laptop',
        values: {
          'texts.maxLength': 64,
          keep: [0.1],
          epochs: 6,
          warmupEpochs: 1,
          controls: ['fewer-epochs', 'random-longer'],
          seeds: 1,
          'training.batchSize': 16,
        },
      },
      {
        label: 'As the paper',
        detail: 'A tenth of the samples after one epoch on all, three seeds: a GPU for a real BERT',
        values: { 'texts.maxLength': 128, keep: [0.1], epochs: 5, 'training.learningRate': 0.00003 },
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
