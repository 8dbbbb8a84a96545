import * as l10n from '@vscode/l10n';
import { noiseStages } from '../../data/label-noise';
import type { Plan, PlanContext } from '../../experiments/method';
import { RESUMABLE_BYTES } from '../../training/config';
import { secondsOf } from '../../comparison/vision/cost';
import type { SwiftLearnConfig } from './config';
import type { SelectionVariant } from './variant';
import type { Task } from './data/task';
import { SCORING_COST } from './work';

/** Bytes kept per sample between selections, and bytes written per sample at each selection for the panel. */
const KNOWN = 18;
const RECORDED = 17;

/** The cost of a comparison: every variant with every seed. */
export async function planOf(
  config: SwiftLearnConfig,
  task: Task,
  variants: readonly SelectionVariant[],
  { threads }: PlanContext,
): Promise<Plan> {
  const { seeds, evaluateEvery } = config;
  const costs = variants.map((variant) => {
    const sampler = variant.sampler(0);
    let [trained, scored] = [0, 0];
    for (let epoch = 0; epoch < variant.epochs; epoch++) {
      trained += (variant.likelyShare ?? 1) * sampler.expected(epoch);
      if (sampler.scoresBefore(epoch)) scored += task.size;
    }
    const evaluated = (2 + variant.epochs / evaluateEvery) * task.heldOutSize;
    return { variant, trained, work: trained + SCORING_COST * scored, flops: 3 * trained + scored + evaluated };
  });
  const flops = seeds * task.flopsPerSample * costs.reduce((sum, cost) => sum + cost.flops, 0);
  const kept = { all: seeds, first: 1, none: 0 }[config.keepModels] * variants.length;
  const bytes = config.dtype === 'F32' ? 4 : 2;
  const known = task.size * (KNOWN + (config.scores.includes('change') ? 4 * task.outputs : 0));
  const chosen = config.epochs - config.warmupEpochs - config.finalEpochs;
  const { choices: ways, selectEvery } = config;
  const choices = ways[0] === 'drawn' ? chosen : selectEvery > 0 ? Math.ceil(chosen / selectEvery) : 1;
  const [all] = costs;
  const size = (task.parameterCount / 1e6).toFixed(2);
  return {
    stages: [
      ...noiseStages(config.texts?.data.labelNoise ?? config.images?.data.labelNoise),
      ...costs.map(({ variant: { name, description }, work }) =>
        work === all!.work
          ? l10n.t`${name}: ${description}; work of ${Math.round(work).toLocaleString('en-US')} samples`
          : l10n.t`${name}: ${description}; ${(all!.work / work).toFixed(1)} times less work`,
      ),
      seeds === 1
        ? l10n.t`each trained 1 time, ${size} M parameters, evaluated on ${task.heldOutSize} samples`
        : l10n.t`each trained ${seeds} times, ${size} M parameters, evaluated on ${task.heldOutSize} samples`,
    ],
    seconds: await secondsOf(flops, { width: task.width, threads }),
    samples: Math.round(seeds * costs.reduce((sum, { trained }) => sum + trained, 0)),
    diskBytes:
      RESUMABLE_BYTES * task.parameterCount +
      kept * bytes * task.parameterCount +
      known +
      choices * RECORDED * task.size,
  };
}
