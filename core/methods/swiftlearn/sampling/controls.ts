import * as l10n from '@vscode/l10n';
import type { SwiftLearnConfig } from '../config';
import { epochsOf, percent, percentOf, type ChoiceOf, type SelectionVariant } from '../variant';
import type { Remedy } from '../learners/remedy';
import { InfoBatch } from './info-batch';
import { MostImportant } from './most-important';
import { WholeData, type Sampler } from './sampler';
import { keptCount } from './selection';
import { SCORING_COST } from '../work';

/** Approximate fraction of samples that are easy to InfoBatch, that is, below the mean loss, which a few hard ones raise. */
const EASY = 0.8;

/** Up to this ratio, costs count as equal. */
const ABOUT = 1.02;

/** The controls for a kept fraction, one set for each cost that its members have. */
export function controlsOf(
  config: SwiftLearnConfig,
  keep: number,
  size: number,
  choiceOf: ChoiceOf,
): SelectionVariant[] {
  const budgets = config.scores.map((score) => workOf(new MostImportant({ ...choiceOf(score, keep), seed: 0 }), size));
  return [...new Set(budgets)].flatMap((budget) => controlsFor(config, { keep, size, budget }, choiceOf));
}

/** The cost of a training, in samples trained on. */
function workOf(sampler: Sampler, size: number): number {
  let work = 0;
  for (let epoch = 0; epoch < sampler.epochs; epoch++)
    work += sampler.expected(epoch) + (sampler.scoresBefore(epoch) ? SCORING_COST * size : 0);
  return work;
}

interface Share {
  readonly keep: number;
  /** Number of training samples. */
  readonly size: number;
  /** The cost of training on the fraction, scoring included, in samples trained on. */
  readonly budget: number;
}

function controlsFor(config: SwiftLearnConfig, { keep, size, budget }: Share, choiceOf: ChoiceOf): SelectionVariant[] {
  const { epochs, warmupEpochs, finalEpochs, remedies } = config;
  const chance = (own: number): SelectionVariant => ({
    role: 'control',
    keep,
    name: `random-${percent(keep)}${own === epochs ? '' : `-${own}-epochs`}`,
    series: own === epochs ? l10n.t('Random share') : l10n.t('Random share, as costly'),
    description:
      own === epochs
        ? l10n.t('as many samples, others in each epoch, drawn by chance')
        : l10n.t`drawn by chance, in ${epochsOf(own)}, which cost as much as the scores`,
    epochs: own,
    sampler: (seed) => new MostImportant({ ...choiceOf('chance', keep, { epochs: own }), seed }),
  });
  const remedied = (title: string, description: string, remedy: Remedy): SelectionVariant => ({
    role: 'control',
    name: remedy.kind,
    series: title,
    description,
    keep: 1,
    epochs,
    remedy,
    sampler: (seed) => new WholeData(size, epochs * size, seed),
  });
  const all: Record<SwiftLearnConfig['controls'][number], () => SelectionVariant | undefined> = {
    // It is not trained: see `oracleOf`.
    'best-epoch': () => undefined,
    'label-smoothing': () =>
      remedied(
        l10n.t('All data, label smoothing'),
        l10n.t`all samples, ${percentOf(remedies.labelSmoothing)} of every label spread over all classes`,
        { kind: 'label-smoothing', share: remedies.labelSmoothing },
      ),
    'robust-loss': () =>
      remedied(
        l10n.t('All data, robust loss'),
        l10n.t`all samples, with generalized cross-entropy (q = ${remedies.q})`,
        { kind: 'robust-loss', q: remedies.q },
      ),
    'fewer-epochs': () => {
      const own = Number((budget / size).toFixed(1));
      return {
        role: 'control',
        name: `full-${own}-epochs`,
        series: l10n.t('All data, fewer epochs'),
        description: l10n.t`all samples in ${epochsOf(own)}, which cost as much as the ${percentOf(keep)}`,
        keep: 1,
        epochs: Math.ceil(own),
        sampler: (seed) => new WholeData(size, Math.round(own * size), seed),
      };
    },
    random: () => chance(epochs),
    'random-longer': () => {
      const rest = budget - (warmupEpochs + finalEpochs) * size;
      return chance(Math.max(epochs, warmupEpochs + finalEpochs + Math.round(rest / keptCount(size, keep))));
    },
    infobatch: () => infoBatch(config, size, epochs, l10n.t('InfoBatch in as many epochs')),
    'infobatch-shorter': () => {
      let own = 2;
      while (own < epochs && infoBatchWork(config, own + 1) <= (ABOUT * budget) / size) own++;
      // With so few epochs nothing would be skipped, so it would not be a separate control.
      if (infoBatchWork(config, own) === own) return undefined;
      return infoBatch(
        config,
        size,
        own,
        l10n.t`InfoBatch in ${epochsOf(own)}, about as costly as the ${percentOf(keep)}`,
      );
    },
  };
  return [...new Set(config.controls)].flatMap((name) => all[name]() ?? []);
}

/** Approximate cost of InfoBatch, in epochs on all data: the first epoch and those after `anneal` skip nothing. */
function infoBatchWork({ infobatch: { ratio, anneal } }: SwiftLearnConfig, epochs: number): number {
  return epochs - EASY * ratio * Math.max(0, Math.floor(anneal * epochs) - 1);
}

const infoBatch = (config: SwiftLearnConfig, size: number, own: number, description: string): SelectionVariant => ({
  role: 'control',
  name: own === config.epochs ? 'infobatch' : `infobatch-${own}-epochs`,
  series: own === config.epochs ? 'InfoBatch' : l10n.t('InfoBatch, fewer epochs'),
  description,
  keep: 1,
  epochs: own,
  likelyShare: infoBatchWork(config, own) / own,
  sampler: (seed) => new InfoBatch({ size, epochs: own, ...config.infobatch, seed }),
});
