import { createHash } from 'node:crypto';
import * as l10n from '@vscode/l10n';
import { fingerprintModel } from '../../checkpoint/fingerprint';
import { openModelFolder } from '../../checkpoint/model-folder';
import { openCorpus } from '../../data/text/corpus';
import type { Method } from '../../experiments/method';
import { describeDecoder } from '../../models/decoder/checkpoint';
import type { DecoderConfig } from '../../models/decoder/config';
import { checkBlockLength } from '../../models/decoder/config';
import { countParameters } from '../../models/decoder/layout';
import { loadModelTokenizer } from '../../models/model-tokenizer';
import { RESUMABLE_BYTES } from '../../training/config';
import { estimateSeconds, trainingMemory } from '../../training/cost';
import { textInput } from '../data-inputs';
import { decoderFolder, EMBEDDED_PARENT } from '../../models/embedded';
import { RESULTS } from '../../comparison/results-file';
import { PlrdConfig } from './config';
import { fitTo } from './fit';
import { decomposable, evenRanks, notAbove, requireSmaller, scheduleRatios } from './ranks';
import { stagesOf } from './stages';
import { readTasks } from './tasks';

const sha256 = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

async function readParent(config: PlrdConfig, baseDir: string) {
  const dir = decoderFolder(config.parent, baseDir);
  const folder = await openModelFolder(dir);
  try {
    const { config: decoder } = await describeDecoder(folder, dir);
    return { decoder, fingerprint: await fingerprintModel(folder), tokenizerPath: folder.tokenizerPath };
  } finally {
    await folder.close();
  }
}

export const plrd: Method<PlrdConfig> = {
  name: 'plrd',
  title: 'Progressive low-rank decomposition',
  summary:
    'Makes a family of smaller language models out of one: factors its layers step by step, training after each.',
  starting: [
    {
      model: { key: 'parent', takes: ['decoder'], embedded: EMBEDDED_PARENT },
      data: textInput('data.source'),
      budgets: [
        {
          label: 'A first look',
          detail: 'Four members, 80 thousand training tokens each: minutes on a laptop with the embedded model',
          values: {
            'schedule.values': [0.8, 0.65, 0.5, 0.4],
            tokensPerStep: 80_000,
            'training.batchSize': 16,
            'training.learningRate': 0.0006,
            'evaluation.tokens': 24_000,
            'evaluation.cloze': 60,
          },
        },
        {
          label: 'A thorough family',
          detail: 'Four members, a million training tokens each',
          values: { 'schedule.values': [0.75, 0.6, 0.5, 0.4], tokensPerStep: 1_000_000, 'training.batchSize': 16 },
        },
        {
          label: 'As the paper',
          detail: '250 million training tokens for each member: a GPU, and hours to days',
          values: { 'schedule.values': [0.75, 0.6, 0.5], tokensPerStep: 250_000_000, rankMultiple: 64 },
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
    'task.too-little-text': 'evaluation.cloze',
    plrd: 'schedule.values',
  },
  hasTrials: true,
  config: PlrdConfig,
  async plan(config, { baseDir }) {
    const { decoder: parent, tokenizerPath } = await readParent(config, baseDir);
    if (tokenizerPath !== undefined) await loadModelTokenizer(tokenizerPath, parent);
    checkBlockLength(parent, config.data.blockLength);
    await openCorpus(config.data, baseDir);
    await readTasks(config.evaluation, baseDir);
    const layers = decomposable(parent, config.layers);
    const { blockLength } = config.data;
    const made = new Map<string, DecoderConfig>();
    const stages = stagesOf(config, scheduleRatios(config, parent, layers)).map((stage) => {
      const from = stage.from === undefined ? parent : made.get(stage.from)!;
      const ranks = notAbove(evenRanks(layers, stage, config.rankMultiple), parent.ranks);
      const decoder = { ...parent, ranks: { ...parent.ranks, ...ranks } };
      if (config.allocation === 'uniform') requireSmaller(stage.name, from, decoder);
      made.set(stage.name, decoder);
      return {
        stage,
        decoder,
        trainTokens: stage.budgets * config.tokensPerStep,
        evaluateTokens: 2 * config.evaluation.tokens,
      };
    });
    const kept = stages.filter(({ trainTokens }) => trainTokens > 0);
    return {
      stages: stages.map(({ stage, decoder, trainTokens }) => {
        const size = (countParameters(decoder).total / 1e6).toFixed(2);
        return trainTokens > 0
          ? l10n.t`${stage.name}: ${size} M parameters, trained on ${trainTokens.toLocaleString('en-US')} tokens`
          : l10n.t`${stage.name}: ${size} M parameters, not trained`;
      }),
      tokens: stages.reduce((sum, { trainTokens }) => sum + trainTokens, 0),
      seconds: await estimateSeconds(stages, blockLength),
      memoryBytes: trainingMemory(parent, config.training, blockLength),
      diskBytes: kept.reduce(
        (sum, { decoder }) => sum + 2 * countParameters(decoder).total,
        RESUMABLE_BYTES * countParameters(parent).total,
      ),
    };
  },
  fitTo,
  // Loaded only when it runs: lists and help need no engine.
  run: async (config, context) => (await import('./pipeline')).runPlrd(config, context),
  evaluate: async (config, context, model) =>
    (await import('./evaluate-model')).evaluateAsMember(config, context, model),
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
