import * as l10n from '@vscode/l10n';
import { HeldOutBlocks, TrainingBlocks } from '../../data/text/batches';
import { openCorpus } from '../../data/text/corpus';
import { splitByDocument } from '../../data/text/split';
import type { TokenCache } from '../../data/text/token-cache';
import { openTokenCache } from '../../data/text/token-cache';
import type { RunContext } from '../../experiments/method';
import type { LoadedDecoder } from '../../models/decoder/checkpoint';
import { loadDecoder } from '../../models/decoder/checkpoint';
import { decoderFolder } from '../../models/embedded';
import { loadModelTokenizer } from '../../models/model-tokenizer';
import { leftBehind } from '../../models/save';
import { drawCalibration } from '../../models/decoder/calibration';
import { runComparison } from '../../comparison/run';
import type { Trial } from '../../comparison/trial';
import { madeModel, type MadeModel } from './artifacts';
import { spreadOf } from '../../protocol/statistics';
import { withSettledRanks, type PlrdConfig } from './config';
import { Decomposer } from './decomposition/decomposer';
import type { EvalSet } from './evaluation/evaluate';
import { evaluateParent, makeModel, metricsOf } from './make-model';
import type { Family } from './family';
import { decomposable } from './allocation/ranks';
import { familyResults } from './results/results';
import { stagesOf } from './stages';
import { familyTrials, PARENT, type FamilyTrial } from './trials';
import { loadTasks } from './evaluation/tasks';

/**
 * Makes families of smaller models from one parent (PLRD, arXiv 2406.19995), and their controls. Each model with each seed is a
 * trial: it is decomposed, trained to recover, evaluated and saved. A member of a progressive family needs the one before it,
 * the smaller sizes of a nested model need the whole.
 */
export const runPlrd = (config: PlrdConfig, context: RunContext): Promise<void> =>
  withFamily(config, context, runFamily);

/** Opens what all models of a run are made from and evaluated on, for as long as it is used. */
export async function withFamily<Result>(
  asked: PlrdConfig,
  context: RunContext,
  use: (family: Family) => Promise<Result>,
): Promise<Result> {
  const config = withSettledRanks(asked);
  const parentDir = decoderFolder(config.parent, context.baseDir);
  const parent = await loadDecoder(parentDir);
  for (const line of leftBehind(parent)) context.log(line);
  const tokenizer = await loadModelTokenizer(parent.tokenizerPath, parent.config);
  const corpus = await openCorpus(config.data, context.baseDir);
  context.emit({ type: 'phase', name: 'data', title: l10n.t('Reading the text') });
  const { cacheDir, signal } = context;
  const log = (text: string) => {
    context.log(text);
  };
  const cache = await openTokenCache({ corpus, tokenizer, cacheDir, signal, log });
  try {
    return await use(await prepare(config, context, { parentDir, parent, tokenizer, cache }));
  } finally {
    cache.close();
  }
}

interface Sources {
  readonly parentDir: string;
  readonly parent: LoadedDecoder;
  readonly tokenizer: EvalSet['tokenizer'];
  readonly cache: TokenCache;
}

async function prepare(config: PlrdConfig, context: RunContext, sources: Sources): Promise<Family> {
  const { parentDir, parent, tokenizer, cache } = sources;
  const shape = { batchSize: config.training.batchSize, blockLength: config.data.blockLength };
  const split = splitByDocument(cache, config.data.heldOutShare);
  const heldOut = new HeldOutBlocks(split.heldOut, shape);
  const layers = decomposable(parent.config, config.layers);
  const decomposers = new Map<number, Decomposer>();
  const taskOptions = { baseDir: context.baseDir, seed: context.seed, maxTokens: config.data.blockLength };
  return {
    config,
    context,
    parentDir,
    parent,
    layers,
    decomposer(seed) {
      const text = () => drawCalibration(split.train, { ...config.calibration, blockLength: shape.blockLength, seed });
      const own = decomposers.get(seed) ?? new Decomposer(config, layers, text, context);
      decomposers.set(seed, own);
      return own;
    },
    train: (seed) => new TrainingBlocks(split.train, { ...shape, seed }),
    evalSet: {
      heldOut,
      share: Math.min(1, config.evaluation.tokens / heldOut.targetCount),
      shape,
      tokenizer,
      tasks: await loadTasks(config.evaluation, split.heldOut, tokenizer, taskOptions),
      speed: config.evaluation.speed,
    },
  };
}

async function runFamily(family: Family): Promise<void> {
  const { config, context, parent, layers } = family;
  const stages = stagesOf(config, parent.config, layers);
  await runComparison<MadeModel>({
    context,
    outcome: madeModel,
    trials: [
      { name: PARENT, variant: PARENT, seed: context.seed, run: () => evaluateParent(family) },
      ...familyTrials(config, stages, context.seed).map((trial) => trialOf(family, trial)),
    ],
    results: ({ trials }) =>
      familyResults(trials, { blockLength: config.data.blockLength, match: config.controls.match }),
    headline({ trials }) {
      // The run is about the smallest member of the family, even if a control was trained after it.
      const kind = config.families[0] === 'nested' ? 'nested' : 'member';
      const point = trials.findLast((model) => model.kind === kind) ?? trials.at(-1);
      const stage = stages.find(({ name }) => name === point?.name);
      return point && { phase: point.name, step: stage?.steps ?? 0, values: meanMetrics(trials, point.name) };
    },
  });
}

/** The numbers of a model, means over its seeds. */
function meanMetrics(models: readonly MadeModel[], name: string): Record<string, number> {
  const all = models.filter((model) => model.name === name).map(metricsOf);
  const keys = Object.keys(all[0] ?? {});
  return Object.fromEntries(keys.map((key) => [key, spreadOf(all.map((one) => one[key]!))!.mean]));
}

function trialOf(family: Family, { name, stage, seed, after }: FamilyTrial): Trial<MadeModel> {
  const from = after !== undefined && { after };
  return {
    name,
    variant: stage.name,
    seed,
    ...from,
    run: (workplace) => makeModel(family, stage, { name, seed, ...from }, workplace),
  };
}
