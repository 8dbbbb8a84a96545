import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Tensor } from '@tensorflow/tfjs-core';
import { createRuntime } from '../../engine/runtime/create';
import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { RunContext } from '../../experiments/method';
import { asStored } from '../../models/stored';
import { runComparison } from '../../comparison/run';
import { seedsFrom, variantsBySeeds, type DoneTrial, type Workplace } from '../../comparison/trial';
import type { KnownNoise } from '../../protocol/importance';
import { selectionOutcome, type SelectionOutcome } from './artifacts';
import type { SwiftLearnConfig } from './config';
import type { SelectionVariant } from './variant';
import { ImportanceRecorder } from './sampling/importance-recorder';
import type { Learner, Metrics } from './learners/learner';
import { oracleOf, withOracle } from './oracle';
import { selectionResult, selectionResults } from './results';
import type { Suspects } from './sampling/wrong-labels';
import { trainChosen } from './train-chosen';

export interface SelectionTrials<Batch> {
  readonly config: SwiftLearnConfig;
  readonly context: RunContext;
  readonly learner: Learner<Batch>;
  readonly variants: readonly SelectionVariant[];
}

/** Trains every variant with every seed, from the same weights and with the same recipe. */
export async function runSelectionTrials<Batch>(shared: SelectionTrials<Batch>): Promise<void> {
  const { config, context, learner, variants } = shared;
  const common = {
    facts: {
      metric: learner.metric,
      data: learner.kind,
      parameters: learner.parameterCount,
      flopsPerSample: learner.flopsPerSample,
      trainSamples: learner.size,
      heldOutSamples: learner.heldOutSize,
      ...(learner.noise && { labelNoise: describeNoise(learner.noise) }),
    },
    variants: [...variants, ...oracleOf(config)],
  };
  const known = (trials: readonly DoneTrial<SelectionOutcome>[]) => ({
    ...common,
    trials: withOracle(trials, common.variants, learner.metric),
  });
  // Data importance is recorded once: by the first variant that scores samples, with the first seed.
  const watched = variants.find(({ score }) => score !== undefined);
  const seeds = seedsFrom(context.seed, config.seeds);
  await runComparison({
    context,
    outcome: selectionOutcome,
    trials: variantsBySeeds(variants, seeds, (variant, seed, workplace) =>
      runTrial(shared, variant, seed, variant === watched && seed === context.seed, workplace),
    ),
    results: ({ trials }) => selectionResults(known(trials)),
    headline: ({ trials }) => {
      const values = selectionResult(known(trials));
      return values && { step: trials.at(-1)?.steps ?? 0, values };
    },
  });
}

/** Trains and evaluates one model, and keeps it if the spec asks for it. */
async function runTrial<Batch>(
  { config, learner }: SelectionTrials<Batch>,
  variant: SelectionVariant,
  seed: number,
  watches: boolean,
  { context, training: place }: Workplace,
): Promise<SelectionOutcome> {
  const phase = `${variant.name}/seed-${seed}`;
  context.emit({ type: 'phase', name: phase, title: l10n.t`Training on ${variant.name}, seed ${seed}` });
  const { training, evaluateEvery, skipHardest, balanced } = config;
  const { name: chooser, score, keep, remedy } = variant;
  const recorder =
    watches && score
      ? new ImportanceRecorder(context, learner, { variant: chooser, seed, score, keep, skipHardest, balanced })
      : undefined;
  const sampler = variant.sampler(seed, (epoch, selected) => {
    recorder?.add(epoch, selected);
  });
  const planned = () => recorder?.written ?? Promise.resolve();
  const trained = await trainChosen(place, { phase, learner, sampler, planned, training, remedy, evaluateEvery, seed });
  // The model is evaluated as stored, including rounding.
  const parameters = asStored(trained.parameters, config.dtype);
  const metrics = await evaluateKept(context, learner, parameters);
  context.log(`${phase}: ${learner.metric} ${metrics[learner.metric]?.toFixed(4)}`);
  const keeps = config.keepModels === 'all' || (config.keepModels === 'first' && seed === context.seed);
  const name = `${variant.name}-seed-${seed}`;
  if (keeps) {
    await learner.save(path.join(context.checkpointsDir, name), {
      parameters,
      dtype: config.dtype,
      meta: { kind: 'model', step: trained.steps, phase, metrics: { ...metrics } },
    });
    context.emit({ type: 'checkpoint', name, step: trained.steps, metrics });
  } else context.emit({ type: 'metrics', step: 0, phase: `result/${phase}`, values: metrics });
  const last = trained.curve.at(-1)!;
  const wrong = wrongOf(sampler.suspects?.(), learner);
  return {
    steps: trained.steps,
    curve: [...trained.curve.slice(0, -1), { ...last, metrics: { ...metrics } }],
    waitingShare: trained.waitingShare,
    ...(wrong && { wrong }),
    ...(keeps && { checkpoint: name }),
  };
}

const describeNoise = ({ share, kind, seed, flipped }: KnownNoise) =>
  `${share} ${kind}, seed ${seed}: ${flipped} labels`;

/** What a training found out about wrong labels, beside the truth where that is known. */
function wrongOf(
  suspects: Suspects | undefined,
  { size, label, noise }: Pick<Learner, 'size' | 'label' | 'noise'>,
): SelectionOutcome['wrong'] {
  if (!suspects) return undefined;
  const { wrong, listed } = suspects;
  if (!noise || !label) return wrong;
  const found = listed.reduce((sum, one, i) => sum + (one === 1 && label(i) !== noise.trueLabel(i) ? 1 : 0), 0);
  return {
    ...wrong,
    truth: {
      share: noise.flipped / size,
      // An empty list has no wrong entry, and of no wrong labels none is missing.
      precision: wrong.listed === 0 ? 1 : found / wrong.listed,
      recall: noise.flipped === 0 ? 1 : found / noise.flipped,
    },
  };
}

async function evaluateKept<Batch>(
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
