import path from 'node:path';
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
import { readSealed, writeSealed } from '../../sealed-file';
import { forgetTraining } from '../../training/last';
import type { Tradeoff, TradeoffPoint } from './artifacts';
import { TRADEOFF, tradeoff, TRADEOFF_FILE } from './artifacts';
import type { PlrdConfig } from './config';
import { asTeacher, distillationLoss } from './distillation';
import type { Exam, Judgement } from './judge';
import { judge, perplexityOf } from './judge';
import { decompose, memberRanks } from './method';
import { decomposable, requireSmaller, scheduleRatios } from './ranks';
import type { Stage } from './stages';
import { stagesOf } from './stages';
import { loadTasks } from './tasks';

/** What every stage of a run shares. */
interface Family {
  readonly config: PlrdConfig;
  readonly context: RunContext;
  readonly parentDir: string;
  readonly parent: LoadedDecoder;
  readonly layers: readonly LinearLayer[];
  readonly exam: Exam;
  readonly train: TrainingBlocks;
  /** Optimizer steps of one budget of tokens. */
  readonly stepsPerBudget: number;
}

/**
 * Makes a family of smaller models out of one parent (PLRD, arXiv 2406.19995): decompose, train to recover, judge, save,
 * and again from there; then the controls. Each finished stage is in `artifacts/tradeoff.json`, so a resumed run goes on
 * with the first that is missing.
 */
export async function runPlrd(config: PlrdConfig, context: RunContext): Promise<void> {
  const parentDir = decoderFolder(config.parent, context.baseDir);
  const parent = await loadDecoder(parentDir);
  for (const line of leftBehind(parent)) context.log(line);
  const tokenizer = await loadModelTokenizer(parent.tokenizerPath, parent.config);
  const corpus = await openCorpus(config.data, context.baseDir);
  context.emit({ type: 'phase', name: 'data', title: 'Reading the text' });
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
  readonly tokenizer: Exam['tokenizer'];
  readonly cache: TokenCache;
}

async function prepare(config: PlrdConfig, context: RunContext, sources: Sources): Promise<Family> {
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
    exam: {
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
  const { config, context, parent } = family;
  const done = await readTradeoff(context.artifactsDir);
  const points = [...(done?.points ?? [])];
  const record = async (point: TradeoffPoint) => {
    points.push(point);
    context.log(`${point.name}: ${point.parameters} parameters, perplexity ${point.perplexity.toFixed(2)}`);
    const artifact: Tradeoff = { version: 1, blockLength: config.data.blockLength, points };
    await writeSealed(path.join(context.artifactsDir, TRADEOFF_FILE), artifact);
    context.emit({ type: 'artifact', name: TRADEOFF_FILE, kind: TRADEOFF.kind });
  };
  if (!points.some(({ kind }) => kind === 'parent')) {
    context.emit({ type: 'phase', name: 'parent', title: 'Evaluating the parent' });
    const judgement = await judge(context, parent.config, parent.parameters, family.exam);
    const point = describe(family, parent, judgement, {
      name: 'parent',
      kind: 'parent',
      targetRatio: 1,
      truncationError: 0,
      trainedTokens: 0,
    });
    emitPoint(family, point);
    await record(point);
  }
  for (const stage of stagesOf(config, scheduleRatios(config, parent.config, family.layers))) {
    if (points.some(({ name }) => name === stage.name)) continue;
    context.signal.throwIfAborted();
    await record(await runStage(family, stage));
  }
  emitResult(family, points);
  await forgetTraining(context);
}

/** Decomposes, trains, judges and saves one model. */
async function runStage(family: Family, stage: Stage): Promise<TradeoffPoint> {
  const { config, context, layers, exam } = family;
  const fromDir = stage.from === undefined ? family.parentDir : path.join(context.checkpointsDir, stage.from);
  // Always from the disk, as a resumed run would: what was rounded when it was saved stays rounded.
  if (stage.from !== undefined) await requireIntact(fromDir, (await readMeta(fromDir)) ?? {});
  const from = stage.from === undefined ? family.parent : await loadDecoder(fromDir);
  context.emit({ type: 'phase', name: stage.name, title: `Making ${stage.name}` });
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
    before = await perplexityOf(context, decoder, model.parameters, exam);
    trained = await recover(family, stage, model, steps);
  }
  // What is judged is what is kept, rounding included.
  const parameters = asStored({ ...model.parameters, ...trained?.parameters }, config.dtype);
  const judgement = await judge(context, decoder, parameters, exam);
  const point = describe(family, model, judgement, {
    name: stage.name,
    kind: stage.kind,
    targetRatio: stage.ratio,
    truncationError: smaller.error,
    // A member has trained on its own budget and on those of the members that it came from.
    trainedTokens: (stage.offset + stage.budgets) * family.stepsPerBudget * tokensPerOptimizerStep(config),
    ...(before === undefined ? {} : { perplexityBeforeTraining: before }),
    ...(trained?.tokensPerSecond === undefined ? {} : { trainTokensPerSecond: trained.tokensPerSecond }),
    // An untrained truncation is remade in seconds; what was trained is kept.
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
  } else emitPoint(family, point);
  return point;
}

const tokensPerOptimizerStep = ({ training, data }: PlrdConfig): number =>
  training.batchSize * training.accumulate * data.blockLength;

/** Continued pre-training after a decomposition. */
function recover(family: Family, stage: Stage, model: LoadedDecoder, steps: number): Promise<TrainedDecoder> {
  const { config, context, parent, exam, layers } = family;
  const trainable = new Set(
    layers.flatMap(({ name }) => [fullName(name), `${name}.bias`, ...Object.values(factorNames(name))]),
  );
  const trains = (name: string) => config.train === 'all' || trainable.has(name);
  const entries = Object.entries(model.parameters);
  return trainDecoder(context, {
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
    heldOut: exam.heldOut,
    blockLength: config.data.blockLength,
    steps,
    dataOffset: stage.offset * family.stepsPerBudget,
    evaluateEvery: Math.max(10, Math.ceil(steps / 4)),
    evaluateShare: Math.min(0.1, exam.share),
  });
}

type Made = Pick<TradeoffPoint, 'name' | 'kind' | 'targetRatio' | 'truncationError' | 'trainedTokens'> &
  Partial<TradeoffPoint>;

function describe(
  { config }: Family,
  { config: decoder }: LoadedDecoder,
  judgement: Judgement,
  made: Made,
): TradeoffPoint {
  const { total, linear } = countParameters(decoder);
  const { loss, perplexity, bitsPerByte, accuracy } = judgement.text;
  const { generateTokensPerSecond } = judgement;
  return {
    parameters: total,
    linearParameters: linear,
    ranks: decoder.ranks,
    loss,
    perplexity,
    bitsPerByte,
    accuracy,
    tasks: judgement.tasks,
    // The mean over a causal block: half of it lies before a token.
    flopsPerToken: flopsPerToken(decoder, config.data.blockLength / 2),
    ...(generateTokensPerSecond === undefined ? {} : { generateTokensPerSecond }),
    ...made,
  };
}

const metricsOf = (point: TradeoffPoint): Record<string, number> => {
  const { parameters, linearParameters } = point;
  return { ...heldOutMetrics(point), parameters, linearParameters };
};

/** The result of a model that is not kept, among the run's metrics; that of a checkpoint is in its event. */
function emitPoint({ context }: Family, point: TradeoffPoint): void {
  context.emit({ type: 'metrics', step: 0, phase: `result/${point.name}`, values: metricsOf(point) });
}

/** The family's smallest member is what the run is about, whatever control was trained after it. */
function emitResult({ context, stepsPerBudget }: Family, points: readonly TradeoffPoint[]): void {
  const point = points.findLast(({ kind }) => kind === 'member') ?? points.at(-1);
  if (!point) return;
  const step = point.kind === 'member' ? stepsPerBudget : 0;
  context.emit({ type: 'result', phase: point.name, step, values: metricsOf(point) });
}

async function fingerprintOf(dir: string): Promise<string> {
  const folder = await openModelFolder(dir);
  try {
    return await fingerprintModel(folder);
  } finally {
    await folder.close();
  }
}

/** The results so far; undefined before the first. */
const readTradeoff = (artifactsDir: string): Promise<Tradeoff | undefined> =>
  readSealed(path.join(artifactsDir, TRADEOFF_FILE), tradeoff);
