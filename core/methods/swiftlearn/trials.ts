import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import { createRuntime } from '../../engine/runtime/create';
import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { RunContext } from '../../experiments/method';
import { asStored } from '../../models/stored';
import { readSealed, writeSealed } from '../../sealed-file';
import { forgetTraining } from '../../training/last';
import {
  SELECTION,
  SELECTION_FILE,
  selectionComparison,
  type ChosenTrial,
  type SelectionComparison,
} from './artifacts';
import type { SwiftLearnConfig } from './config';
import type { Contestant } from './contestant';
import { ImportanceRecorder } from './importance-recorder';
import type { Learner, Metrics } from './learner';
import { describeSelection, resultOf } from './summary';
import { trainChosen } from './train-chosen';

/** What all trainings of a run share. */
export interface SelectionTrials<Batch> {
  readonly config: SwiftLearnConfig;
  readonly context: RunContext;
  readonly learner: Learner<Batch>;
  readonly contestants: readonly Contestant[];
}

/**
 * Trains with every way to choose samples and every seed, from the same weights under one recipe. Each finished training is
 * in `artifacts/tradeoff.json`, so a resumed run goes on with the first that is missing. Seeds are the outer loop: after the
 * first there is a whole comparison to look at.
 */
export async function runSelectionTrials<Batch>(trials: SelectionTrials<Batch>): Promise<SelectionComparison> {
  const { config, context, learner, contestants } = trials;
  const made = await readComparison(context.artifactsDir);
  let state: SelectionComparison = {
    version: 1,
    kind: 'selection',
    metric: learner.metric,
    data: learner.kind,
    parameters: learner.parameterCount,
    flopsPerSample: learner.flopsPerSample,
    trainSamples: learner.size,
    heldOutSamples: learner.heldOutSize,
    contestants: contestants.map(({ name, series, role, description, keep, epochs }) => ({
      name,
      series,
      role,
      description,
      keep,
      epochs,
    })),
    trials: made?.trials ?? [],
  };
  const record = async (next: SelectionComparison) => {
    state = next;
    const file = path.join(context.artifactsDir, SELECTION_FILE);
    await writeSealed(file, selectionComparison.parse(state));
    context.emit({ type: 'artifact', name: SELECTION_FILE, kind: SELECTION.kind });
  };
  // What is worth a look is written down once: by the first that chooses by importance, with the first seed.
  const watched = contestants.find(({ score }) => score !== undefined);
  for (let i = 0; i < config.seeds; i++)
    for (const contestant of contestants) {
      const seed = context.seed + i;
      if (state.trials.some((trial) => trial.contestant === contestant.name && trial.seed === seed)) continue;
      context.signal.throwIfAborted();
      const watches = contestant === watched && i === 0;
      await record({ ...state, trials: [...state.trials, await runTrial(trials, contestant, seed, watches)] });
    }
  await forgetTraining(context);
  for (const line of describeSelection(state)) context.log(line);
  const result = resultOf(state);
  if (result) context.emit({ type: 'result', step: state.trials.at(-1)?.steps ?? 0, values: result });
  return state;
}

/** Trains, judges and, where it is asked for, keeps one model. */
async function runTrial<Batch>(
  { config, context, learner }: SelectionTrials<Batch>,
  contestant: Contestant,
  seed: number,
  watches: boolean,
): Promise<ChosenTrial> {
  const phase = `${contestant.name}/seed-${seed}`;
  context.emit({ type: 'phase', name: phase, title: `Training on ${contestant.name}, seed ${seed}` });
  const { training, evaluateEvery, skipHardest, balanced } = config;
  const { name: chooser, score, keep } = contestant;
  const recorder =
    watches && score
      ? new ImportanceRecorder(context, learner, { contestant: chooser, seed, score, keep, skipHardest, balanced })
      : undefined;
  const sampler = contestant.sampler(seed, (...choice) => {
    recorder?.add(...choice);
  });
  const planned = () => recorder?.written ?? Promise.resolve();
  const trained = await trainChosen(context, { phase, learner, sampler, planned, training, evaluateEvery, seed });
  // What is judged is what is kept, rounding included.
  const parameters = asStored(trained.parameters, config.dtype);
  const metrics = await judge(context, learner, parameters);
  context.log(`${phase}: ${learner.metric} ${metrics[learner.metric]?.toFixed(4)}`);
  const keeps = config.keepModels === 'all' || (config.keepModels === 'first' && seed === context.seed);
  const name = `${contestant.name}-seed-${seed}`;
  if (keeps) {
    await learner.save(path.join(context.checkpointsDir, name), {
      parameters,
      dtype: config.dtype,
      meta: { kind: 'model', step: trained.steps, phase, metrics: { ...metrics } },
    });
    context.emit({ type: 'checkpoint', name, step: trained.steps, metrics });
  } else context.emit({ type: 'metrics', step: 0, phase: `result/${phase}`, values: metrics });
  const last = trained.curve.at(-1)!;
  return {
    contestant: contestant.name,
    seed,
    steps: trained.steps,
    curve: [...trained.curve.slice(0, -1), { ...last, metrics: { ...metrics } }],
    waitingShare: trained.waitingShare,
    ...(keeps && { checkpoint: name }),
  };
}

async function judge<Batch>(
  { device, signal }: RunContext,
  learner: Learner<Batch>,
  parameters: Named<HostTensor>,
): Promise<Metrics> {
  const runtime = createRuntime(device);
  try {
    const { metrics } = await learner.evaluator(runtime)(runtime.upload<Named<Tensor>>(parameters), signal);
    return metrics;
  } finally {
    await runtime.dispose();
  }
}

/** The results so far; undefined before the first. */
const readComparison = (artifactsDir: string): Promise<SelectionComparison | undefined> =>
  readSealed(path.join(artifactsDir, SELECTION_FILE), selectionComparison);
