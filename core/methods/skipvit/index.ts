import { openImages } from '../../data/images/source';
import type { Method, PlanContext } from '../../experiments/method';
import { FROM_SCRATCH, imageInput } from '../data-inputs';
import { planOf, visionMemory } from '../../comparison/vision/cost';
import { fingerprintsOf, modelFolder, startOf } from '../../comparison/vision/start';
import { formerRange } from '../../comparison/vision/skip-range';
import { RESULTS } from '../../comparison/results-file';
import { plannedBySeeds, seedsFrom } from '../../comparison/trial';
import { TOKEN_HEATMAP } from './artifacts';
import { SkipVitConfig } from './config';
import { variantsOf } from './variants';
import { fitTo } from './fit';

const open = async (config: SkipVitConfig, { baseDir }: PlanContext) => {
  const data = await openImages(config.data, baseDir);
  const start = await startOf(config.model, data, baseDir);
  return { data, start, variants: variantsOf(config, start) };
};

export const skipvit: Method<SkipVitConfig> = {
  name: 'skipvit',
  title: 'Token skipping (SkipViT)',
  summary: 'Trains a vision transformer faster: image patches that matter least skip some of its blocks.',
  starting: [
    {
      model: { key: 'model.from', takes: ['vit', 'grouped-vit'], without: FROM_SCRATCH },
      data: imageInput('data.source'),
      budgets: [
        {
          label: 'A first look',
          detail: 'A small model on small images, one seed: minutes on a laptop',
          values: {
            'model.hidden_size': 64,
            'model.intermediate_size': 128,
            'model.num_hidden_layers': 6,
            'model.num_attention_heads': 4,
            'model.patch_size': 4,
            'model.image_size': 28,
            'model.initializer_range': 0.15,
            skipRanges: [{ start: 1, end: 5 }],
            epochs: 5,
            seeds: 1,
            'training.batchSize': 32,
            'training.learningRate': 0.002,
          },
        },
        {
          label: 'As the paper',
          detail: 'ViT-small on images of 224 x 224, three seeds: a GPU, and hours to days',
          values: {
            'model.image_size': 224,
            skipRanges: [{ start: 4, end: 8 }],
            epochs: 300,
            'training.batchSize': 128,
            'augment.crop': 0.08,
            'augment.flip': true,
            'augment.randomOperations': 2,
            'augment.mixup': 0.8,
            'augment.cutmix': 1,
            dropPath: 0.1,
          },
        },
      ],
    },
  ],
  paths: ['model.from', 'data.source', 'data.heldOut'],
  artifacts: [RESULTS, TOKEN_HEATMAP],
  units: 'images',
  errorKeys: { skipvit: 'skipRanges' },
  formerKeys: { windows: 'skipRanges', ...formerRange('skipRanges.*'), map: 'heatmap' },
  config: SkipVitConfig,
  async plan(config, context) {
    const { data, variants } = await open(config, context);
    return planOf(config, data, variants, context);
  },
  async trials(config, context) {
    const { variants } = await open(config, context);
    return plannedBySeeds(variants, seedsFrom(context.seed, config.seeds));
  },
  async memory(config, context, device) {
    const { data, variants } = await open(config, context);
    return visionMemory(config, data, variants, device);
  },
  fitTo,
  // Loaded only when it runs: lists and help need no engine.
  run: async (config, context) => (await import('./pipeline')).runSkipVit(config, context),
  parents: (config, { baseDir }) => modelFolder(config.model, baseDir),
  fingerprint: (config, { baseDir }) => fingerprintsOf(config, baseDir),
};
