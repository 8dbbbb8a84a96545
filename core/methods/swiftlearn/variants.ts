import * as l10n from '@vscode/l10n';
import { SCORES, type ScoreKind } from '../../protocol/importance';
import { UserError } from '../../errors';
import { REMEDIES, type SwiftLearnConfig } from './config';
import type { Learner } from './learners/learner';
import { epochsOf, percent, percentOf, type ChoiceOf, type SelectionVariant } from './variant';
import { controlsOf } from './sampling/controls';
import { MostImportant } from './sampling/most-important';
import { WholeData } from './sampling/sampler';
import type { ClassLabels } from './sampling/selection';
import { needsAnswers, passesNeeded } from './sampling/scores';

/** Plans have no labels; without them, the size of a balanced selection is off by a few samples at most. */
type Samples = Pick<Learner, 'size' | 'outputs' | 'classes'> & Partial<Pick<Learner, 'label'>>;

/** All data, the most important samples by each score and fraction, and the controls of each fraction. */
export function variantsOf(config: SwiftLearnConfig, samples: Samples): SelectionVariant[] {
  requireAnswers(config, samples);
  requireMeasure(config);
  requireWholeImages(config);
  requireWarmup(config);
  requireClasses(config, samples);
  const { size } = samples;
  const full: SelectionVariant = {
    name: 'full',
    series: l10n.t('All data'),
    role: 'baseline',
    description: l10n.t`all samples in each of ${config.epochs} epochs`,
    keep: 1,
    epochs: config.epochs,
    sampler: (seed) => new WholeData(size, config.epochs * size, seed),
  };
  const labels = labelsOf(samples);
  const important: ChoiceOf = (score, keep, { epochs = config.epochs, choice = 'highest' } = {}) => ({
    size,
    outputs: samples.outputs,
    epochs,
    warmupEpochs: config.warmupEpochs,
    finalEpochs: config.finalEpochs,
    // The random control should see as many different samples as possible.
    selectEvery: score === 'chance' ? 1 : config.selectEvery,
    scoring: config.scoring,
    score,
    choice,
    smoothing: config.smoothing,
    keep,
    skipHardest: config.skipHardest,
    labels,
    mixes: mixesImages(config),
    balance: config.balanced ? labels : undefined,
  });
  const members = config.keep.flatMap((keep) =>
    config.scores.flatMap((score) =>
      config.choices.map((choice): SelectionVariant => {
        const isDrawn = choice === 'drawn';
        const after = l10n.t`after ${epochsOf(config.warmupEpochs)} on all samples`;
        return {
          name: `${score}-${isDrawn ? 'drawn-' : ''}${percent(keep)}`,
          series: isDrawn ? l10n.t`SwiftLearn, drawn by ${score}` : l10n.t`SwiftLearn, by ${score}`,
          role: 'member',
          description: isDrawn
            ? l10n.t`${percentOf(keep)} in each epoch, drawn and weighed by ${score}, ${after}`
            : l10n.t`the ${percentOf(keep)} of the highest ${score} ${after}`,
          keep,
          epochs: config.epochs,
          score,
          sampler: (seed, onSelected) => new MostImportant({ ...important(score, keep, { choice }), seed, onSelected }),
        };
      }),
    ),
  );
  const controls = config.keep.flatMap((keep) => controlsOf(config, keep, size, important));
  const unique = [full, ...members, ...controls].filter(
    (one, i, all) => all.findIndex(({ name }) => name === one.name) === i,
  );
  return unique;
}

/** Undefined if labels are not classes, or not known yet. */
function labelsOf({ size, classes, label }: Samples): ClassLabels | undefined {
  if (classes.length === 0 || !label) return undefined;
  return { labels: Int32Array.from({ length: size }, (_, i) => label(i)), classes: classes.length };
}

/** @throws UserError `swiftlearn.scores` if a score compares predictions that these samples do not have */
function requireAnswers({ scores }: SwiftLearnConfig, { outputs, classes }: Samples): void {
  const isPossible = (score: ScoreKind) =>
    outputs === 0 ? !needsAnswers(score) : classes.length > 0 || score !== 'forgetting';
  const refused = scores.find((score) => !isPossible(score));
  if (refused === undefined) return;
  const others = scores.filter(isPossible);
  const value = others.length > 0 ? others : ['el2n'];
  throw new UserError(
    'swiftlearn.scores',
    outputs === 0
      ? l10n.t`The score "${refused}" compares predicted classes between passes, but blocks of text have no classes.`
      : l10n.t`The score "${refused}" counts correct answers that become wrong, but numbers are hardly ever exactly right.`,
    l10n.t`These samples can be scored by ${SCORES.filter(isPossible).join(', ')}.`,
    { fixes: [{ title: l10n.t`Score by ${value.join(', ')}`, key: 'scores', value }] },
  );
}

/** @throws UserError `swiftlearn.choices` if samples are drawn by a score that only ranks */
function requireMeasure({ scores, choices }: SwiftLearnConfig): void {
  if (!scores.includes('forgetting') || !choices.includes('drawn')) return;
  throw new UserError(
    'swiftlearn.choices',
    l10n.t('The score "forgetting" only ranks samples, so it cannot give probabilities for drawing them.'),
    l10n.t('Draw by another score, or keep the samples with the highest scores.'),
    { fixes: [{ title: l10n.t('Keep the highest'), key: 'choices', value: ['highest'] }] },
  );
}

const mixesImages = ({ images }: SwiftLearnConfig): boolean =>
  images !== undefined && (images.augment.mixup > 0 || images.augment.cutmix > 0);

/** @throws UserError `swiftlearn.mixed` if scores would compare a blend of two images with one label */
function requireWholeImages(config: SwiftLearnConfig): void {
  if (config.scoring === 'pass' || !mixesImages(config)) return;
  throw new UserError(
    'swiftlearn.mixed',
    l10n.t(
      'Images are mixed in training (mixup, cutmix), so the prediction for a blend is not a score of either image.',
    ),
    l10n.t('Score them in a separate pass, or turn off mixing.'),
    { fixes: [{ title: l10n.t('Score in a separate pass'), key: 'scoring', value: 'pass' }] },
  );
}

/** @throws UserError `swiftlearn.controls` if a control is about wrong classes, and labels are not classes */
function requireClasses({ controls }: SwiftLearnConfig, { classes }: Samples): void {
  const refused = REMEDIES.find((name) => controls.includes(name));
  if (refused === undefined || classes.length > 0) return;
  throw new UserError(
    'swiftlearn.controls',
    l10n.t`The control "${refused}" is for labels that are classes, and these samples have none.`,
    l10n.t('Remove it from the controls.'),
  );
}

function requireWarmup({ scores, warmupEpochs, finalEpochs, epochs }: SwiftLearnConfig): void {
  if (warmupEpochs + finalEpochs >= epochs)
    throw new UserError(
      'swiftlearn.warmup',
      finalEpochs > 0
        ? l10n.t`A warm-up of ${epochsOf(warmupEpochs)} and an end of ${epochsOf(finalEpochs)} on all samples leaves none of the ${epochs} epochs for selected samples.`
        : l10n.t`A warm-up of ${epochsOf(warmupEpochs)} on all samples leaves none of the ${epochs} epochs for selected samples.`,
      l10n.t('Set warmupEpochs and finalEpochs together below epochs.'),
    );
  const short = scores.find((score) => passesNeeded(score) > warmupEpochs);
  if (short !== undefined)
    throw new UserError(
      'swiftlearn.passes',
      l10n.t`The score "${short}" compares passes over the data, so a warm-up of ${epochsOf(warmupEpochs)} is too short for it.`,
      l10n.t`Set warmupEpochs to ${passesNeeded(short)} or more.`,
      {
        fixes: [
          {
            title: l10n.t`Set warmupEpochs to ${passesNeeded(short)}`,
            key: 'warmupEpochs',
            value: passesNeeded(short),
          },
        ],
      },
    );
}
