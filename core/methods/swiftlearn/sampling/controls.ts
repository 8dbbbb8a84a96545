import * as l10n from '@vscode/l10n';
import type { SwiftLearnConfig } from '../config';
import { epochsOf, percent, percentOf, type ChoiceOf, type SelectionVariant } from '../variant';
import { InfoBatch } from './info-batch';
import { MostImportant } from './most-important';
import { WholeData, type Sampler } from './sampler';
import { keptCount } from './selection';
import { SCORING_COST } from '../work';

/** Of the samples of an epoch, about as many are easy to InfoBatch: below the mean loss, which few hard ones raise. */
const EASY = 0.8;

/** What costs this much more costs about as much. */
const ABOUT = 1.02;

/** What a share is held against, for each cost that a member of it has. */
export function controlsOf(
  config: SwiftLearnConfig,
  keep: number,
  size: number,
  choiceOf: ChoiceOf,
): SelectionVariant[] {
  const budgets = config.scores.map((score) => workOf(new MostImportant({ ...choiceOf(score, keep), seed: 0 }), size));
  return [...new Set(budgets)].flatMap((budget) => controlsFor(config, { keep, size, budget }, choiceOf));
}

/** What a training costs, as samples trained on. */
function workOf(sampler: Sampler, size: number): number {
  let work = 0;
  for (let epoch = 0; epoch < sampler.epochs; epoch++)
    work += sampler.expected(epoch) + (sampler.scoresBefore(epoch) ? SCORING_COST * size : 0);
  return work;
}

interface Share {
  readonly keep: number;
  /** Samples to train on. */
  readonly size: number;
  /** What training on the share costs with its scoring, as samples trained on. */
  readonly budget: number;
}

function controlsFor(config: SwiftLearnConfig, { keep, size, budget }: Share, choiceOf: ChoiceOf): SelectionVariant[] {
  const { epochs, warmupEpochs, finalEpochs } = config;
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
  const all: Record<SwiftLearnConfig['controls'][number], () => SelectionVariant | undefined> = {
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
      // So short that it would leave nothing out, it is no control of its own.
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

/** About what so many epochs of InfoBatch cost, in epochs: nothing is left out of the first, and of those after `anneal`. */
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
