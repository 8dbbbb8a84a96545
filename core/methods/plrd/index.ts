import { createHash } from 'node:crypto';
import { openCorpus } from '../../data/text/corpus';
import type { Method } from '../../experiments/method';
import { textInput } from '../data-inputs';
import { decoderFolder, EMBEDDED_PARENT } from '../../models/embedded';
import { RESULTS } from '../../comparison/results-file';
import { PlrdConfig } from './config';
import { fitTo } from './fit';
import { planFamily, planFamilyMemory, plannedTrials, readParent } from './plan';
import { readTasks } from './evaluation/tasks';

const sha256 = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

export const plrd: Method<PlrdConfig> = {
  name: 'plrd',
  title: 'Progressive low-rank decomposition',
  summary:
    'Makes a family of smaller language models out of one: factors its layers, and trains all sizes together or one after another.',
  starting: [
    {
      model: { key: 'parent', takes: ['decoder'], embedded: EMBEDDED_PARENT },
      data: textInput('data.source'),
      budgets: [
        {
          label: 'A first look',
          detail: 'Four sizes, 30 thousand training tokens each: minutes on a laptop with the embedded model',
          values: {
            'schedule.values': [0.7, 0.55, 0.45, 0.35],
            tokensPerStep: 30_000,
            'training.batchSize': 16,
            'evaluation.tokens': 24_000,
            'evaluation.cloze': 0,
          },
        },
        {
          label: 'A thorough family',
          detail: 'Four sizes, a million training tokens each',
          values: { 'schedule.values': [0.75, 0.6, 0.5, 0.4], tokensPerStep: 1_000_000, 'training.batchSize': 16 },
        },
        {
          label: 'As the paper',
          detail:
            'A progressive family on the next token alone, 250 million training tokens for each member: a GPU, and hours to days',
          values: {
            families: ['progressive'],
            'schedule.values': [0.75, 0.6, 0.5],
            tokensPerStep: 250_000_000,
            decomposition: 'plain',
            allocation: 'uniform',
            rankMultiple: 64,
            'distillation.weight': 0,
            'training.learningRate': 0.0001,
          },
        },
      ],
    },
  ],
  paths: ['parent', 'data.source', 'evaluation.tasks'],
  artifacts: [RESULTS],
  units: 'tokens',
  errorKeys: {
    'plrd.no-layers': 'layers.kinds',
    'plrd.no-such-block': 'layers.skipBlocks',
    'plrd.task': 'evaluation.tasks',
    'plrd.nested-batch': 'training.batchSize',
    'plrd.nested-shares': 'nested.shares',
    'plrd.progressive-shares': 'progressive.shares',
    'task.too-little-text': 'evaluation.cloze',
    'plrd.decomposition': 'decomposition',
    plrd: 'schedule.values',
  },
  formerDefaults: {
    families: ['progressive'],
    'controls.oneShotFamily': false,
    'controls.match': 'seen',
    'distillation.hidden': 0,
    decomposition: 'plain',
  },
  config: PlrdConfig,
  plan: planFamily,
  trials: plannedTrials,
  memory: planFamilyMemory,
  fitTo,
  // Loaded only when it runs: lists and help need no engine.
  run: async (config, context) => (await import('./pipeline')).runPlrd(config, context),
  evaluate: async (config, context, model) =>
    (await import('./evaluation/evaluate-checkpoint')).evaluateAsMember(config, context, model),
  parents: (config, { baseDir }) => [decoderFolder(config.parent, baseDir)],
  async fingerprint(config, { baseDir }) {
    const corpus = await openCorpus(config.data, baseDir);
    const tasks = await readTasks(config.evaluation, baseDir);
    const questions = Object.entries(tasks).map(([name, items]): [string, string] => [`task ${name}`, sha256(items)]);
    return {
      parent: (await readParent(config, baseDir)).fingerprint,
      data: await corpus.fingerprint(),
      ...Object.fromEntries(questions),
    };
  },
};
