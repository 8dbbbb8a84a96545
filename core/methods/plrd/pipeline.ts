import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { fingerprintModel } from '../../checkpoint/fingerprint';
import { openModelFolder } from '../../checkpoint/model-folder';
import { HeldOutBlocks, TrainingBlocks } from '../../data/text/batches';
import { openCorpus } from '../../data/text/corpus';
import { splitByDocument } from '../../data/text/split';
import type { TokenCache } from '../../data/text/token-cache';
import { openTokenCache } from '../../data/text/token-cache';
import type { RunContext } from '../../experiments/method';
import type { LoadedDecoder } from '../../models/decoder/checkpoint';
import { loadDecoder, saveDecoder } from '../../models/decoder/checkpoint';
import { loadModelTokenizer } from '../../models/model-tokenizer';
import { leftBehind } from '../../models/save';
import { asStored } from '../../models/stored';
import { parseDecoderConfig, withRanks } from '../../models/decoder/config';
import type { LinearLayer } from '../../models/decoder/layout';
import { countParameters, factorNames, flopsPerToken, fullName } from '../../models/decoder/layout';
import { decoderFolder } from '../../models/embedded';
import type { TrainedDecoder } from '../../training/train-decoder';
import { heldOutMetrics, trainDecoder } from '../../training/train-decoder';
import { readMeta, requireIntact } from '../../checkpoint/training-state';
import { runComparison } from '../../comparison/run';
import type { Workplace } from '../../comparison/trial';
import { madeModel, type MadeModel } from './artifacts';
import type { PlrdConfig } from './config';
import { asTeacher, distillationLoss } from './distillation';
import type { EvalSet, Evaluation } from './evaluation';
import { evaluateModel, perplexityOf } from './evaluation';
import { decompose, memberRanks } from './method';
import { decomposable, requireSmaller, scheduleRatios } from './ranks';
import { familyResults } from './results';
import type { Stage } from './stages';
import { stagesOf } from './stages';
import { loadTasks } from './tasks';

interface Family {
  readonly config: PlrdConfig;
  readonly context: RunContext;
  readonly parentDir: string;
  readonly parent: LoadedDecoder;
  readonly layers: readonly LinearLayer[];
  readonly evalSet: EvalSet;
  readonly train: TrainingBlocks;
  /** Optimizer steps per budget of tokens. */
  readonly stepsPerBudget: number;
}

/**
 * Makes a family of smaller models from one parent (PLRD, arXiv 2406.19995): decomposes, trains to recover, evaluates, saves,
 * and repeats from there; then makes the controls. Each model is a trial, and each member needs the one before it.
 */
export async function runPlrd(config: PlrdConfig, context: RunContext): Promise<void> {
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
    await runFamily(await prepare(config, context, { parentDir, parent, tokenizer, cache }));
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

export async function prepare(config: PlrdConfig, context: RunContext, sources: Sources): Promise<Family> {
  const { parentDir, parent, tokenizer, cache } = sources;
  const { batchSize, accumulate } = config.training;
  const shape = { batchSize, blockLength: config.data.blockLength };
  const split = splitByDocument(cache, config.data.heldOutShare);
  const heldOut = new HeldOutBlocks(split.heldOut, shape);
  const taskOptions = { baseDir: context.baseDir, seed: context.seed, maxTokens: config.data.blockLength };
  return {
    config,
    context,
    parentDir,
    parent,
    layers: decomposable(parent.config, config.layers),
    train: new TrainingBlocks(split.train, { ...shape, seed: context.seed }),
    stepsPerBudget: Math.max(1, Math.round(config.tokensPerStep / (batchSize * accumulate * shape.blockLength))),
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
  const { config, context, parent, layers, stepsPerBudget } = family;
  const { seed } = context;
  const stages = stagesOf(config, scheduleRatios(config, parent.config, layers));
  await runComparison<MadeModel>({
    context,
    outcome: madeModel,
    trials: [
      { name: PARENT, variant: PARENT, seed, run: () => evaluateParent(family) },
      ...stages.map((stage) => ({
        name: stage.name,
        variant: stage.name,
        seed,
        ...(stage.from !== undefined && { after: stage.from }),
        run: (workplace: Workplace) => runStage(family, stage, workplace),
      })),
    ],
    results: ({ trials }) => familyResults(trials, { blockLength: config.data.blockLength }),
    headline({ trials }) {
      // The run is about the family's smallest member, even if a control was trained after it.
      const point = trials.findLast(({ kind }) => kind === 'member') ?? trials.at(-1);
      const step = point?.kind === 'member' ? stepsPerBudget : 0;
      return point && { phase: point.name, step, values: metricsOf(point) };
    },
  });
}

export const PARENT = 'parent';

async function evaluateParent(family: Family): Promise<MadeModel> {
  const { context, parent, evalSet } = family;
  context.emit({ type: 'phase', name: PARENT, title: l10n.t('Evaluating the parent') });
  const evaluation = await evaluateModel(context, parent.config, parent.parameters, evalSet);
  const model = describe(family, parent, evaluation, {
    name: PARENT,
    kind: 'parent',
    targetRatio: 1,
    truncationError: 0,
    trainedTokens: 0,
  });
  emitResult(family, model);
  logModel(context, model);
  return model;
}

/** Decomposes, trains, evaluates and saves one model. */
async function runStage(family: Family, stage: Stage, { training }: Workplace): Promise<MadeModel> {
  const { config, context, layers, evalSet } = family;
  const fromDir = stage.from === undefined ? family.parentDir : path.join(context.checkpointsDir, stage.from);
  // Always loaded from disk, as in a resumed run, so that rounding from saving applies.
  if (stage.from !== undefined) await requireIntact(fromDir, (await readMeta(fromDir)) ?? {});
  const from = stage.from === undefined ? family.parent : await loadDecoder(fromDir);
  context.emit({ type: 'phase', name: stage.name, title: l10n.t`Making ${stage.name}` });
  const linalg = { signal: context.signal, threads: context.device.threads };
  const ranks = await memberRanks(config, from.config, from.parameters, layers, stage, linalg);
  const smaller = await decompose(from.parameters, from.config.ranks, layers, ranks, config.variant, {
    ...linalg,
    onLayer: (count) => {
      context.emit({ type: 'progress', done: count, total: layers.length, unit: 'layers', label: stage.name });
    },
  });
  const json = withRanks(from.json, smaller.ranks);
  const decoder = parseDecoderConfig(json);
  requireSmaller(stage.name, from.config, decoder);
  const steps = stage.budgets * family.stepsPerBudget;
  const model: LoadedDecoder = { ...from, config: decoder, json, parameters: smaller.parameters };

  let before: number | undefined;
  let trained: TrainedDecoder | undefined;
  if (steps > 0) {
    before = await perplexityOf(context, decoder, model.parameters, evalSet);
    trained = await recover(family, stage, model, { steps, training });
  }
  // The model is evaluated as stored, including rounding.
  const parameters = asStored({ ...model.parameters, ...trained?.parameters }, config.dtype);
  const evaluation = await evaluateModel(context, decoder, parameters, evalSet);
  const point = describe(family, model, evaluation, {
    name: stage.name,
    kind: stage.kind,
    targetRatio: stage.ratio,
    truncationError: smaller.error,
    // A member was trained on its own budget and those of the members before it.
    trainedTokens: (stage.offset + stage.budgets) * family.stepsPerBudget * tokensPerOptimizerStep(config),
    ...(before === undefined ? {} : { perplexityBeforeTraining: before }),
    ...(trained?.tokensPerSecond === undefined ? {} : { trainTokensPerSecond: trained.tokensPerSecond }),
    // Untrained truncations can be remade in seconds; only trained models are kept.
    ...(steps > 0 ? { checkpoint: stage.name } : {}),
  });
  if (steps > 0) {
    const metrics = metricsOf(point);
    await saveDecoder(path.join(context.checkpointsDir, stage.name), {
      json,
      configText: from.configText,
      extraFiles: from.extraFiles,
      parameters,
      tokenizerFrom: from.tokenizerPath,
      dtype: config.dtype,
      meta: { kind: 'model', step: steps, phase: stage.name, parent: await fingerprintOf(fromDir), metrics },
    });
    context.emit({ type: 'checkpoint', name: stage.name, step: steps, metrics });
  } else emitResult(family, point);
  logModel(context, point);
  return point;
}

function logModel(context: RunContext, { name, parameters, perplexity }: MadeModel): void {
  context.log(`${name}: ${parameters} parameters, perplexity ${perplexity.toFixed(2)}`);
}

const tokensPerOptimizerStep = ({ training, data }: PlrdConfig): number =>
  training.batchSize * training.accumulate * data.blockLength;

/** Continued pre-training after a decomposition. */
function recover(
  family: Family,
  stage: Stage,
  model: LoadedDecoder,
  { steps, training }: { readonly steps: number; readonly training: RunContext },
): Promise<TrainedDecoder> {
  const { config, parent, evalSet, layers } = family;
  const trainable = new Set(
    layers.flatMap(({ name }) => [fullName(name), `${name}.bias`, ...Object.values(factorNames(name))]),
  );
  const trains = (name: string) => config.train === 'all' || trainable.has(name);
  const entries = Object.entries(model.parameters);
  return trainDecoder(training, {
    phase: stage.name,
    decoder: model.config,
    json: model.json,
    configText: model.configText,
    extraFiles: model.extraFiles,
    tokenizerPath: model.tokenizerPath,
    parameters: Object.fromEntries(entries.filter(([name]) => trains(name))),
    frozen: Object.fromEntries(entries.filter(([name]) => !trains(name))),
    companions: config.distillation.weight > 0 ? asTeacher(parent.parameters) : {},
    loss: distillationLoss(model.config, parent.config, config.distillation),
    training: config.training,
    train: family.train,
    heldOut: evalSet.heldOut,
    blockLength: config.data.blockLength,
    steps,
    dataOffset: stage.offset * family.stepsPerBudget,
    evaluateEvery: Math.max(10, Math.ceil(steps / 4)),
    evaluateShare: Math.min(0.1, evalSet.share),
  });
}

type Made = Pick<MadeModel, 'name' | 'kind' | 'targetRatio' | 'truncationError' | 'trainedTokens'> & Partial<MadeModel>;

export function describe(
  { config }: Family,
  { config: decoder }: LoadedDecoder,
  evaluation: Evaluation,
  made: Made,
): MadeModel {
  const { total, linear } = countParameters(decoder);
  const { loss, perplexity, bitsPerByte, accuracy } = evaluation.text;
  const { generateTokensPerSecond } = evaluation;
  return {
    parameters: total,
    linearParameters: linear,
    ranks: decoder.ranks,
    loss,
    perplexity,
    bitsPerByte,
    accuracy,
    tasks: evaluation.tasks,
    // On average, a token attends to half of its causal block.
    flopsPerToken: flopsPerToken(decoder, config.data.blockLength / 2),
    ...(generateTokensPerSecond === undefined ? {} : { generateTokensPerSecond }),
    ...made,
  };
}

export const metricsOf = (point: MadeModel): Record<string, number> => {
  const { parameters, linearParameters } = point;
  return { ...heldOutMetrics(point), parameters, linearParameters };
};

/** Emits the result of a model without a checkpoint as metrics; otherwise it is in the checkpoint event. */
function emitResult({ context }: Family, model: MadeModel): void {
  context.emit({ type: 'metrics', step: 0, phase: `result/${model.name}`, values: metricsOf(model) });
}

async function fingerprintOf(dir: string): Promise<string> {
  const folder = await openModelFolder(dir);
  try {
    return await fingerprintModel(folder);
  } finally {
    await folder.close();
  }
}
