import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { fingerprintModel } from '../../checkpoint/fingerprint';
import { openModelFolder } from '../../checkpoint/model-folder';
import { readMeta, requireIntact } from '../../checkpoint/training-state';
import type { Workplace } from '../../comparison/trial';
import type { RunContext } from '../../experiments/method';
import type { LoadedDecoder } from '../../models/decoder/checkpoint';
import { loadDecoder, saveDecoder } from '../../models/decoder/checkpoint';
import { parseDecoderConfig, withRanks } from '../../models/decoder/config';
import { countParameters, flopsPerToken } from '../../models/decoder/layout';
import { leadingParameters } from '../../models/decoder/nested';
import { nestedFacts } from '../../models/decoder/sizes';
import { asStored } from '../../models/stored';
import { heldOutMetrics, type TrainedDecoder } from '../../training/train-decoder';
import type { MadeModel } from './artifacts';
import type { Family, Task, Untrained } from './family';
import type { Evaluation } from './evaluation/evaluate';
import { evaluateModel, perplexityOf } from './evaluation/evaluate';
import { requireSmaller } from './allocation/ranks';
import { isKept, sizesOf, tokensPerOptimizerStep, type Stage } from './stages';
import { recover } from './training/recover';
import { PARENT } from './trials';

export async function evaluateParent(family: Family): Promise<MadeModel> {
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
  emitResult(family, PARENT, model);
  logModel(context, PARENT, model);
  return model;
}

/** Decomposes, trains, evaluates and saves one model. */
export async function makeModel(family: Family, stage: Stage, task: Task, { training }: Workplace): Promise<MadeModel> {
  const { config, context, evalSet } = family;
  const fromDir = task.after === undefined ? family.parentDir : path.join(context.checkpointsDir, task.after);
  // Always loaded from disk, as in a resumed run, so that rounding from saving applies.
  if (task.after !== undefined) await requireIntact(fromDir, (await readMeta(fromDir)) ?? {});
  const from = task.after === undefined ? family.parent : await loadDecoder(fromDir);
  context.emit({ type: 'phase', name: task.name, title: l10n.t`Making ${task.name}` });
  const isPart = stage.kind === 'nested' && task.after !== undefined;
  const untrained = isPart ? partOf(from, stage) : await smallerThan(family, from, stage, task);
  const { model } = untrained;

  let before: number | undefined;
  let trained: TrainedDecoder | undefined;
  if (stage.steps > 0) {
    before = await perplexityOf(context, model.config, model.parameters, evalSet);
    trained = await recover(family, stage, task, untrained, training);
  }
  // The model is evaluated as stored, including rounding.
  const parameters = asStored({ ...model.parameters, ...trained?.parameters }, config.dtype);
  const evaluation = await evaluateModel(context, model.config, parameters, evalSet);
  const perStep = tokensPerOptimizerStep(config);
  const { truncationError, calibration } = untrained;
  const facts = nestedFacts(model.config, config.data.blockLength / 2);
  const point = describe(family, model, evaluation, {
    name: stage.name,
    kind: stage.kind,
    targetRatio: stage.ratio,
    trainedTokens: stage.trainedSteps * perStep,
    ...(stage.trainedSteps > 0 && { trainingFlops: stage.cost * perStep }),
    ...(truncationError !== undefined && { truncationError }),
    ...(calibration && { calibration }),
    ...(facts && { sizes: facts }),
    ...(before !== undefined && { perplexityBeforeTraining: before }),
    ...(trained?.tokensPerSecond !== undefined && { trainTokensPerSecond: trained.tokensPerSecond }),
    ...(isKept(stage) && { checkpoint: task.name }),
  });
  if (isKept(stage)) {
    const metrics = metricsOf(point);
    await saveDecoder(path.join(context.checkpointsDir, task.name), {
      json: model.json,
      configText: from.configText,
      extraFiles: from.extraFiles,
      parameters,
      tokenizerFrom: from.tokenizerPath,
      dtype: config.dtype,
      meta: {
        kind: 'model',
        step: stage.trainedSteps,
        phase: task.name,
        parent: await fingerprintOf(fromDir),
        metrics,
      },
    });
    context.emit({ type: 'checkpoint', name: task.name, step: stage.trainedSteps, metrics });
  } else emitResult(family, task.name, point);
  logModel(context, task.name, point);
  return point;
}

/** A smaller size of a nested model. */
function partOf(whole: LoadedDecoder, { index }: Stage): Untrained {
  const ranks = whole.config.nested[index]!;
  const json = withRanks(whole.json, ranks);
  const parameters = leadingParameters(whole.parameters, whole.config.ranks, ranks) as LoadedDecoder['parameters'];
  return {
    model: { ...whole, config: parseDecoderConfig(json), json, parameters },
    truncationError: undefined,
    calibration: undefined,
    sizes: [],
  };
}

/** A decomposition of the model at the size of the stage; with the ranks of all sizes if it is to be nested. */
async function smallerThan(
  family: Family,
  from: LoadedDecoder,
  stage: Stage,
  { name, seed }: Task,
): Promise<Untrained> {
  const { config, context, layers } = family;
  const decomposer = family.decomposer(seed);
  const isNested = stage.kind === 'nested';
  const sizes = isNested ? sizesOf(config, from.config, layers) : [stage];
  const tables = await decomposer.ranks(from, sizes, { nested: isNested });
  const smaller = await decomposer.decompose(from, tables[0]!, {
    order: isNested ? 'nested' : 'balanced',
    onLayer: (count) => {
      context.emit({ type: 'progress', done: count, total: layers.length, unit: 'layers', label: name });
    },
  });
  const nested = isNested ? tables.map((ranks) => ({ ...smaller.ranks, ...ranks })) : [];
  for (const [i, ranks] of nested.entries()) {
    const before = nested[i - 1];
    const { label } = sizesOf(config, from.config, layers)[i]!;
    if (before) requireSmaller(label, { ...from.config, ranks: before }, { ...from.config, ranks });
  }
  const json = withRanks(from.json, smaller.ranks, nested);
  const decoder = parseDecoderConfig(json);
  requireSmaller(name, from.config, decoder);
  return {
    model: { ...from, config: decoder, json, parameters: smaller.parameters },
    truncationError: smaller.error,
    calibration: decomposer.calibration,
    sizes: nested,
  };
}

function logModel(context: RunContext, name: string, { parameters, perplexity }: MadeModel): void {
  context.log(`${name}: ${parameters} parameters, perplexity ${perplexity.toFixed(2)}`);
}

type Made = Pick<MadeModel, 'name' | 'kind' | 'targetRatio' | 'trainedTokens'> & Partial<MadeModel>;

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

/** The numbers of a model in lists. */
export const metricsOf = (point: MadeModel): Record<string, number> => {
  const { parameters, linearParameters } = point;
  return { ...heldOutMetrics(point), parameters, linearParameters };
};

/** Emits the result of a model without a checkpoint as metrics; otherwise it is in the checkpoint event. */
function emitResult({ context }: Family, name: string, model: MadeModel): void {
  context.emit({ type: 'metrics', step: 0, phase: `result/${name}`, values: metricsOf(model) });
}

async function fingerprintOf(dir: string): Promise<string> {
  const folder = await openModelFolder(dir);
  try {
    return await fingerprintModel(folder);
  } finally {
    await folder.close();
  }
}
