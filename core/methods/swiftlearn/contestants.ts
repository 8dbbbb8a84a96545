import { UserError } from '../../errors';
import type { SwiftLearnConfig } from './config';
import type { ContestantRecord } from './artifacts';
import type { Learner } from './learner';
import { InfoBatch } from './info-batch';
import { MostImportant, type Choice, type MostImportantOptions } from './most-important';
import { WholeData, type Sampler } from './sampler';
import { needsAnswers, passesNeeded, SCORES, type ScoreKind } from './scores';
import { keptCount } from './selection';
import { SCORING_COST } from './work';

/** One of the ways to choose samples. */
export interface Contestant extends ContestantRecord {
  /** @param onSelected looks at each choice, where there is one by importance */
  sampler(seed: number, onSelected?: MostImportantOptions['onSelected']): Sampler;
  /** What it chooses by, where it is by importance. */
  readonly score?: ScoreKind;
  /** Of the samples that its sampler expects at most, the share that a plan counts on; all of them without it. */
  readonly likelyShare?: number;
}

/** A plan does without the labels: how many samples a balanced share has differs by a few at most. */
type Samples = Pick<Learner, 'size' | 'outputs' | 'classes'> & Partial<Pick<Learner, 'label'>>;

const percent = (share: number) => `${Number((100 * share).toPrecision(3))}pct`;

/** All data, what matters most by each score and share, and the controls of each share. */
export function contestantsOf(config: SwiftLearnConfig, samples: Samples): Contestant[] {
  requireAnswers(config, samples);
  requireWarmup(config);
  const { size } = samples;
  const full: Contestant = {
    name: 'full',
    series: 'All data',
    role: 'baseline',
    description: `all samples in each of ${config.epochs} epochs`,
    keep: 1,
    epochs: config.epochs,
    sampler: (seed) => new WholeData(size, config.epochs * size, seed),
  };
  const balance = balanceOf(config, samples);
  const important = (
    score: ScoreKind | 'chance',
    keep: number,
    { epochs = config.epochs, choice = 'highest' }: { epochs?: number; choice?: Choice } = {},
  ) =>
    ({
      size,
      outputs: samples.outputs,
      epochs,
      warmupEpochs: config.warmupEpochs,
      finalEpochs: config.finalEpochs,
      selectEvery: config.selectEvery,
      scoring: config.scoring,
      score,
      choice,
      smoothing: config.smoothing,
      keep,
      skipHardest: config.skipHardest,
      balance,
    }) satisfies Omit<MostImportantOptions, 'seed'>;
  const members = config.keep.flatMap((keep) =>
    config.scores.flatMap((score) =>
      config.choices.map((choice): Contestant => {
        const isDrawn = choice === 'drawn';
        const after = `after ${epochsOf(config.warmupEpochs)} on all samples`;
        return {
          name: `${score}-${isDrawn ? 'drawn-' : ''}${percent(keep)}`,
          series: `SwiftLearn, ${isDrawn ? 'drawn ' : ''}by ${score}`,
          role: 'member',
          description: isDrawn
            ? `${percentOf(keep)} in each epoch, drawn and weighed by ${score}, ${after}`
            : `the ${percentOf(keep)} of the highest ${score} ${after}`,
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

/** What each share is held against. */
function controlsOf(
  config: SwiftLearnConfig,
  keep: number,
  size: number,
  important: (
    score: ScoreKind | 'chance',
    keep: number,
    options?: { epochs: number },
  ) => Omit<MostImportantOptions, 'seed'>,
): Contestant[] {
  const { epochs, warmupEpochs, finalEpochs, infobatch } = config;
  const budget = Math.max(
    ...config.scores.map((score) => workOf(new MostImportant({ ...important(score, keep), seed: 0 }), size)),
  );
  const control = { role: 'control', keep } as const;
  const chance = (name: string, series: string, description: string, own: number): Contestant => ({
    ...control,
    name: `${name}-${percent(keep)}`,
    series,
    description,
    epochs: own,
    sampler: (seed) => new MostImportant({ ...important('chance', keep, { epochs: own }), seed }),
  });
  // Of its epochs it leaves out at most the ratio; on average, with easy samples in the majority, some half of that.
  const likelyShare = 1 - 0.6 * infobatch.ratio * infobatch.anneal;
  const all: Record<SwiftLearnConfig['controls'][number], () => Contestant> = {
    'fewer-epochs': () => {
      const own = Number((budget / size).toFixed(1));
      return {
        ...control,
        name: `full-${own}-epochs`,
        series: 'All data, fewer epochs',
        description: `all samples in ${epochsOf(own)}, which cost as much as the ${percentOf(keep)}`,
        keep: 1,
        epochs: Math.ceil(own),
        sampler: (seed) => new WholeData(size, Math.round(own * size), seed),
      };
    },
    random: () => chance('random', 'Random share', `as many samples, drawn by chance after the same warm-up`, epochs),
    'random-longer': () => {
      const whole = warmupEpochs + finalEpochs;
      const own = Math.max(epochs, whole + Math.ceil((budget - whole * size) / keptCount(size, keep)));
      return chance(
        'random-longer',
        'Random share, as costly',
        `drawn by chance, in so many epochs that they cost as much as the scores`,
        own,
      );
    },
    infobatch: () => infobatchOf(epochs, 'infobatch', 'InfoBatch', `InfoBatch in as many epochs`),
    'infobatch-shorter': () => {
      const own = Math.min(epochs, Math.max(2, Math.round(budget / (size * likelyShare))));
      if (own === epochs) return all.infobatch();
      return infobatchOf(
        own,
        `infobatch-${own}-epochs`,
        'InfoBatch, fewer epochs',
        `InfoBatch in ${epochsOf(own)}, about as costly as the ${percentOf(keep)}`,
      );
    },
  };
  const infobatchOf = (own: number, name: string, series: string, description: string): Contestant => ({
    ...control,
    name,
    series,
    description,
    epochs: own,
    likelyShare,
    sampler: (seed) => new InfoBatch({ size, epochs: own, ...infobatch, seed }),
  });
  return [...new Set(config.controls)].map((name) => all[name]());
}

/** What a training costs, as samples trained on. */
function workOf(sampler: Sampler, size: number): number {
  let work = 0;
  for (let epoch = 0; epoch < sampler.epochs; epoch++)
    work += sampler.expected(epoch) + (sampler.scoresBefore(epoch) ? SCORING_COST * size : 0);
  return work;
}

function balanceOf({ balanced }: SwiftLearnConfig, { size, classes, label }: Samples) {
  if (!balanced || classes.length === 0 || !label) return undefined;
  return { labels: Int32Array.from({ length: size }, (_, i) => label(i)), classes: classes.length };
}

/** @throws UserError `swiftlearn.scores` where a score compares answers and samples have no labels to be answered */
function requireAnswers({ scores }: SwiftLearnConfig, { outputs }: Samples): void {
  const refused = scores.find(needsAnswers);
  if (outputs > 0 || refused === undefined) return;
  const possible = SCORES.filter((score) => !needsAnswers(score));
  const others = scores.filter((score) => !needsAnswers(score));
  const value = others.length > 0 ? others : ['el2n'];
  throw new UserError(
    'swiftlearn.scores',
    `The score "${refused}" compares the classes that a model answers from pass to pass: blocks of text have none.`,
    `Blocks can be scored by ${possible.join(', ')}.`,
    { fixes: [{ title: `Score by ${value.join(', ')}`, key: 'scores', value }] },
  );
}

function requireWarmup({ scores, warmupEpochs, finalEpochs, epochs }: SwiftLearnConfig): void {
  if (warmupEpochs + finalEpochs >= epochs)
    throw new UserError(
      'swiftlearn.warmup',
      `A warm-up of ${epochsOf(warmupEpochs)}${finalEpochs > 0 ? ` and an end of ${epochsOf(finalEpochs)}` : ''} on all samples leaves nothing of ${epochs} to be chosen for.`,
      'Set warmupEpochs and finalEpochs together below epochs.',
    );
  const short = scores.find((score) => passesNeeded(score) > warmupEpochs);
  if (short !== undefined)
    throw new UserError(
      'swiftlearn.passes',
      `The score "${short}" compares passes over the data: a warm-up of ${epochsOf(warmupEpochs)} is too short for it.`,
      `Set warmupEpochs to ${passesNeeded(short)} or more.`,
      {
        fixes: [
          { title: `Set warmupEpochs to ${passesNeeded(short)}`, key: 'warmupEpochs', value: passesNeeded(short) },
        ],
      },
    );
}

const epochsOf = (count: number) => `${count} ${count === 1 ? 'epoch' : 'epochs'}`;
const percentOf = (share: number) => `${Number((100 * share).toPrecision(3))} %`;
