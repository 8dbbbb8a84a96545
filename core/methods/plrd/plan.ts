import * as l10n from '@vscode/l10n';
import { fingerprintModel } from '../../checkpoint/fingerprint';
import { openModelFolder } from '../../checkpoint/model-folder';
import { openCorpus } from '../../data/text/corpus';
import type { Plan, PlanContext, PlannedTrial } from '../../experiments/method';
import { describeDecoder } from '../../models/decoder/checkpoint';
import { checkBlockLength } from '../../models/decoder/config';
import { countParameters, flopsPerToken } from '../../models/decoder/layout';
import { decoderFolder } from '../../models/embedded';
import { loadModelTokenizer } from '../../models/model-tokenizer';
import type { StepDevice } from '../../engine/step-memory';
import { RESUMABLE_BYTES, type TrainingConfig } from '../../training/config';
import { secondsOf } from '../../training/cost';
import { withSettledRanks, type PlrdConfig } from './config';
import { decompositionCost, requireDecomposition } from './decomposition/plan';
import { decomposable, requireRoom, requireSmaller } from './allocation/ranks';
import { isKept, sizesOf, stagesOf, tokensPerOptimizerStep } from './stages';
import { readTasks } from './evaluation/tasks';
import { familyTrials, PARENT } from './trials';
import { FORWARD_AND_BACKWARD } from './training/cost';

/** The parent's config, fingerprint and tokenizer, without its weights. */
export async function readParent({ parent }: Pick<PlrdConfig, 'parent'>, baseDir: string) {
  const dir = decoderFolder(parent, baseDir);
  const folder = await openModelFolder(dir);
  try {
    const { config: decoder } = await describeDecoder(folder, dir);
    return { decoder, fingerprint: await fingerprintModel(folder), tokenizerPath: folder.tokenizerPath };
  } finally {
    await folder.close();
  }
}

/** The trials of a run, from the description of the parent alone. */
export async function plannedTrials(
  asked: PlrdConfig,
  { baseDir, seed }: PlanContext & { readonly seed: number },
): Promise<readonly PlannedTrial[]> {
  const config = withSettledRanks(asked);
  const { decoder } = await readParent(config, baseDir);
  const stages = stagesOf(config, decoder, decomposable(decoder, config.layers));
  const made = familyTrials(config, stages, seed).map(({ name, after }) => ({
    name,
    ...(after !== undefined && { after }),
  }));
  return [{ name: PARENT }, ...made];
}

/** Checks a spec against the files that it names, and estimates the cost of the run. Loads no engine. */
export async function planFamily(asked: PlrdConfig, { baseDir }: PlanContext): Promise<Plan> {
  const config = withSettledRanks(asked);
  const { decoder: parent, tokenizerPath } = await readParent(config, baseDir);
  if (tokenizerPath !== undefined) await loadModelTokenizer(tokenizerPath, parent);
  const { blockLength } = config.data;
  checkBlockLength(parent, blockLength);
  requireDecomposition(config);
  await openCorpus(config.data, baseDir);
  await readTasks(config.evaluation, baseDir);
  const layers = decomposable(parent, config.layers);
  const stages = stagesOf(config, parent, layers);
  const sizes = sizesOf(config, parent, layers);
  for (const [i, { decoder, label, ratio }] of sizes.entries()) {
    if (config.allocation === 'uniform') requireSmaller(label, sizes[i - 1]?.decoder ?? parent, decoder);
    // Which ranks they are is known only when the run has looked at the layers.
    if (config.allocation === 'sensitivity') requireRoom(layers, parent.ranks, ratio, config.rankMultiple);
  }
  const perStep = tokensPerOptimizerStep(config);
  // The context of a question fills a block, and is read once for all choices.
  const evaluateTokens = 2 * config.evaluation.tokens + config.evaluation.cloze * blockLength;
  const work = stages.map((stage) => {
    const { decoder } = sizes[stage.index]!;
    const forward = flopsPerToken(decoder, blockLength / 2);
    // Teachers and other sizes of a nested model, in tokens of training this size alone.
    const share = stage.stepCost / (FORWARD_AND_BACKWARD * forward);
    return { forward, trainTokens: share * stage.steps * perStep, evaluateTokens };
  });
  const calibration = decompositionCost(config, layers);
  const forward = flopsPerToken(parent, blockLength / 2);
  const seeds = config.seeds;
  const tokens = stages.reduce((sum, { steps }) => sum + steps * perStep, 0);
  return {
    stages: [
      ...(calibration.stage === undefined ? [] : [calibration.stage]),
      ...stages.map(({ name, index, kind, steps, from }) => {
        const size = (countParameters(sizes[index]!.decoder).total / 1e6).toFixed(2);
        const own = (steps * perStep).toLocaleString('en-US');
        if (steps > 0) return l10n.t`${name}: ${size} M parameters, trained on ${own} tokens`;
        return kind === 'nested' && from !== undefined
          ? l10n.t`${name}: ${size} M parameters, the leading components of ${from}`
          : l10n.t`${name}: ${size} M parameters, not trained`;
      }),
    ],
    tokens: seeds * tokens,
    seconds: seeds * (await secondsOf([...work, { forward, ...calibration }])),
    diskBytes: stages
      .filter(isKept)
      .reduce(
        (sum, { index }) => sum + seeds * 2 * countParameters(sizes[index]!.decoder).total,
        RESUMABLE_BYTES * countParameters(parent).total,
      ),
  };
}

/** What the trainings of a family need on their device; on the CPU also what the decomposition needs: see `Method.memory`. */
export async function planFamilyMemory(asked: PlrdConfig, { baseDir }: PlanContext, device: StepDevice) {
  const config = withSettledRanks(asked);
  const { decoder: parent } = await readParent(config, baseDir);
  const layers = decomposable(parent, config.layers);
  const sizes = sizesOf(config, parent, layers).map(({ decoder }) => decoder);
  const before = device.provider === 'cpu' ? decompositionCost(config, layers).memoryBytes : 0;
  const { familyMemory } = await import('./training/memory');
  return (training: TrainingConfig): number =>
    Math.max(before, familyMemory(config, training, parent, sizes, layers, device));
}
